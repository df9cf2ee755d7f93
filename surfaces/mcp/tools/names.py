"""The names of tools: agents' names within what MCP and its clients allow, never two alike.

A name that is within the rules stays as it is. One that is not has what is forbidden replaced, and
six digits of its digest at the end: so it depends on the agent's name alone, and stays the same
whatever else is published later.
"""

from __future__ import annotations

import hashlib
import re

LONGEST = 64
"""MCP allows 128 characters and a dot; common clients take 64 of letters, digits, _ and -."""

_DIGITS = 6
_ALLOWED = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST}}}")


def tool_name(agent: str, taken: frozenset[str] = frozenset()) -> str:
    """Return what an agent's tool is called; ``taken`` are names that no agent's tool may have."""
    if _ALLOWED.fullmatch(agent) and agent not in taken:
        return agent
    digest = hashlib.sha256(agent.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    kept = re.sub(r"[^A-Za-z0-9_-]", "_", agent)[: LONGEST - _DIGITS - 1]
    return f"{kept}_{digest}"
