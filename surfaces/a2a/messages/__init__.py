"""Messages: what they say, what they decide, and how they have their effect once."""
