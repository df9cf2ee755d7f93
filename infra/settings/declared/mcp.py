"""The variables of the MCP server: where others reach it."""

from __future__ import annotations

from runfold.infra.settings.kinds import HTTP
from runfold.infra.settings.variable import Variable

MCP_URL = Variable(
    "RUNFOLD_MCP_URL", HTTP, "", "gateway",
    "the address that MCP clients reach the gateway by, such as `https://agents.example.com/mcp`: "
    "named in its metadata, and accepted as `Host` and `Origin` ([MCP](mcp.md#who-may-ask))",
    "this machine's",
)  # fmt: skip
