"""Decisions made again from the journal alone."""
