"""The MCP server: agents as tools, runs as tools and resources, over HTTP and stdio."""
