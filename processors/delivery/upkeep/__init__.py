"""What one process of delivery does for all: pruning, and a look at which secrets are missing."""
