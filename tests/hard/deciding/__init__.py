"""Decisions on whatever came in: each has an outcome, within bounds, the same for the auditor."""
