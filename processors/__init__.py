"""What reacts to the log and causes something."""
