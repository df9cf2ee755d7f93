"""Clocks: what time it is, how much of it passed, and whether the first agrees with the second."""
