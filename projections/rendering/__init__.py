"""Facts as JSON that people and SQL can read."""
