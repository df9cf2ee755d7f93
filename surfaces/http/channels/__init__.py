"""Channels over HTTP: what they send, who is meant, and what is answered."""
