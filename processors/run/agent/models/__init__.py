"""Calls of models: which may answer, what they are shown, what follows from an answer."""
