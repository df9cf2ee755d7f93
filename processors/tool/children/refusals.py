"""Calls that did not begin, because there is no process for them."""

from __future__ import annotations

from runfold.processors.tool.errors import ToolRefusedError

_AFTER_MS = 5000


def refused(message: str) -> ToolRefusedError:
    """Return why calls of a module cannot be made here until somebody mends it.

    It is a fault of the deployment, which nobody can argue away who only makes calls.
    """
    return ToolRefusedError(
        message[:500],
        error_type="unavailable",
        suggested_next_action="This deployment cannot run the tool, whatever its arguments are: "
        "mend the tool's contract or its module.",
    )


def unavailable(module: str, why: str) -> ToolRefusedError:
    """Return why this call cannot be made now; the next one may be."""
    return ToolRefusedError(
        f"{module} has no process for another call: {why}."[:500],
        error_type="unavailable",
        retryable=True,
    )


def importing(module: str) -> ToolRefusedError:
    """Return why this call does not wait: its module takes long, and enough calls wait for it."""
    return ToolRefusedError(
        f"{module} is still being imported."[:500],
        error_type="unavailable",
        retryable=True,
        retry_after_ms=_AFTER_MS,
    )
