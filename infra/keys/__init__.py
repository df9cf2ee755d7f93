"""The keys that tenants' contents are sealed with: the port, its forms, and the ring in memory."""
