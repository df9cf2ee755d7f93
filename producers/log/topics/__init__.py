"""What the topics are now: ids, ends, partitions, settings, held against what is remembered."""
