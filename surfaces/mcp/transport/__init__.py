"""How MCP is spoken over HTTP and standard input: endpoint, bridge, sessions, hosts, metadata."""
