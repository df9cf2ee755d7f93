"""Tools of the sealed tenant's agent: one answers much, one waits for a person."""

from __future__ import annotations

from runfold.processors.tool import tool


@tool(name="note.read", risk_level=0, timeout_ms=60_000)
def read(word: str) -> str:
    """Read a long note about a word; it is kept as an artifact."""
    return f"{word} " * 20_000


@tool(name="note.write", risk_level=3, approval="always", timeout_ms=60_000)
def write(word: str) -> str:
    """Write a note, which must not happen twice, so that a claim keeps its result."""
    return f"written {word}"


TOOLS = (read, write)
