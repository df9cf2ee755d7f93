"""Notifications of persons: one an event and subscriber, and never sent again in doubt."""
