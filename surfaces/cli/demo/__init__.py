"""The demo: one run from an empty machine to its report."""
