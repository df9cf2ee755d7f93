"""Settings of each part, declared."""
