"""Facts of calls of every kind, and what lets them begin."""
