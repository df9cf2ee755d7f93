"""Use cases of webhooks and notifications."""
