"""The database that processes share: its schema, its roles, the versions of its tables."""
