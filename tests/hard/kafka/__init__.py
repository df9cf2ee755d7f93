"""Topics, batches and brokers as people have them."""
