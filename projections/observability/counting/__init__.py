"""Metrics of runs, counted from the journal after its rows are committed: each fact once."""
