"""What policies decide, and why."""
