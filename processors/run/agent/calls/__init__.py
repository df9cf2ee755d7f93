"""Calls of every kind: begun, answered, tried again, and whom they cost."""
