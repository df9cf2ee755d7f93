"""Tools written in Python."""
