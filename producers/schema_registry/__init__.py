"""Where a process takes schema ids from: the committed lock, or a Confluent-compatible registry."""
