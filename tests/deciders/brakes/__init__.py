"""What stops a run, and what is at stake."""
