"""A pool: a process that takes work of one kind from a topic, makes the calls and reports."""
