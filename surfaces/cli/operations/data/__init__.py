"""Data on the terminal: back-ups, views, proofs, dead letters, who read what."""
