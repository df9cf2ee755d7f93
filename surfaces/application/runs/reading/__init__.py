"""What is read of runs: lists, histories, calls, what waits for people."""
