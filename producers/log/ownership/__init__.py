"""Who should own which partitions: by configuration, or by membership in a group."""
