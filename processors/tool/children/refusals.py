"""Calls that did not begin, because there is no process for them."""

from __future__ import annotations

from runfold.processors.tool.errors import ToolRefusedError


def refused(message: str) -> ToolRefusedError:
    """Return why calls of a module cannot be made here until somebody mends it."""
    return ToolRefusedError(
        message[:500],
        error_type="unavailable",
        suggested_next_action="Mend the tool's contract or its module.",
    )


def unavailable(module: str, why: str) -> ToolRefusedError:
    """Return why this call cannot be made now; the next one may be."""
    return ToolRefusedError(
        f"{module} has no process for another call: {why}."[:500],
        error_type="unavailable",
        retryable=True,
    )
