"""Calls that did not begin, because there is no process for them."""

from __future__ import annotations

from runfold.processors.tool.errors import NotYetError, ToolRefusedError

_NOT_READY = "not_ready"
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


def unavailable(module: str, why: str) -> NotYetError:
    """Return why this call cannot be made now; the next one may be."""
    return NotYetError(_NOT_READY, f"{module} has no process for another call: {why}."[:500])


def importing(module: str) -> NotYetError:
    """Return why this call does not wait: its module takes long, and enough calls wait for it."""
    return NotYetError(
        _NOT_READY, f"{module} is still being imported."[:500], retry_after_ms=_AFTER_MS
    )


def no_process(module: str, why: str) -> NotYetError:
    """Return that the system starts no process now, which a run that cannot wait is told as is."""
    return NotYetError(
        _NOT_READY,
        f"no process for {module} can be started: {why}."[:500],
        retryable=False,
        suggested_next_action="Mend the tool's contract or its module.",
    )


def again(refusal: ToolRefusedError) -> ToolRefusedError:
    """Return the same refusal for another call."""
    if isinstance(refusal, NotYetError):
        return NotYetError(refusal.code, **refusal.info.model_dump())
    return ToolRefusedError(**refusal.info.model_dump())
