"""Calls that end processes: how often, counted by all of them together, and when it is enough."""
