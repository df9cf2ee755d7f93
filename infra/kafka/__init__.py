"""Whether Kafka can be used: asked before anything relies on it."""
