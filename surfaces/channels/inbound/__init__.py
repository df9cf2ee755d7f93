"""What comes from channels: whether it is genuine, what it means, and who is meant by it."""
