"""Webhooks: at least once, in the order of each run, for about a day."""
