"""Opening a lane from the log, and what is done where the log is not what it was."""
