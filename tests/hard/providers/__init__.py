"""What providers and those who pose as one answer."""
