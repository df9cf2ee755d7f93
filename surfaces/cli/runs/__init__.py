"""Runs on the terminal: requested, watched, explained, decided about."""
