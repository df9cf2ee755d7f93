"""What every process says of itself: metrics in one table, traces of runs, names in one place."""
