"""Metrics and spans that follow from the journal."""
