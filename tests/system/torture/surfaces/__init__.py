"""Clients of the surfaces under torture: who asks over HTTP, who listens, who is told."""
