"""Agents in the words of other products: read into manifests, and never run."""
