"""People in runs, on real servers."""
