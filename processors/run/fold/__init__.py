"""Folds: the state of a run after each fact."""
