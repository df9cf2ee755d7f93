"""Manifests of who is told: subscriptions of webhooks, subscribers of notifications."""
