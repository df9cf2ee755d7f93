"""The life of a process: progress, stalls, garbage collection, and named steps to fail at."""
