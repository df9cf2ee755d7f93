"""How anything gets onto the log: the log port, its twins and the client."""
