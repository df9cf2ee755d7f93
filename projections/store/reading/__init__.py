"""From the log to folded record batches."""
