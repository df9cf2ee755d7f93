"""Tools of the MCP server: agents, runs, what they answer, tasks and decisions."""
