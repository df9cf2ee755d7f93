"""Runs that ask for runs."""
