"""Who is told of what happens: receivers of webhooks, and persons who are notified."""
