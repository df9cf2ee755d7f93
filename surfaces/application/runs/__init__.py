"""Runs: request them, list them, follow them, steer them."""
