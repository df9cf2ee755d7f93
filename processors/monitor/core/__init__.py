"""What the monitor knows and concludes: no I/O, no clock; times are given."""
