"""Follows the journal and tells whom subscriptions name: webhooks, and notifications of persons."""
