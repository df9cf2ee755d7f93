"""Which runs are admitted, by whom, and for whom."""
