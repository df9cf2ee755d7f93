"""The middle of the engine, without I/O: inputs and a partition's state in, what to write out."""
