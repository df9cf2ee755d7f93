"""The variables of the MCP server: where others reach it, and who issues tokens for it."""

from __future__ import annotations

from runfold.infra.settings.kinds import HTTP, NAMES
from runfold.infra.settings.variable import Variable

_NO_NAMES: tuple[str, ...] = ()

MCP_URL = Variable(
    "RUNFOLD_MCP_URL", HTTP, "", "gateway",
    "the address that MCP clients reach the gateway by, such as `https://agents.example.com/mcp`: "
    "named in its metadata, and accepted as `Host` and `Origin` ([MCP](mcp.md#who-may-ask))",
    "this machine's",
)  # fmt: skip
MCP_ISSUERS = Variable(
    "RUNFOLD_MCP_ISSUERS", NAMES, _NO_NAMES, "gateway",
    "addresses of the OAuth issuers whose tokens the gateway takes, with commas between: MCP "
    "clients are told them ([MCP](mcp.md#who-may-ask))", "none",
)  # fmt: skip
