"""What went wrong with a call whose handler raised or did not end in time."""

from __future__ import annotations

from runfold.events.values import ErrorInfo


def broke(error: BaseException, *, retryable: bool) -> ErrorInfo:
    """Return what a handler's own failure looks like to a run: its type, never its details."""
    return ErrorInfo(
        error_type="internal_error",
        message=f"The effect processor failed with {type(error).__name__}; its log has the rest.",
        retryable=retryable,
        suggested_next_action="Look into the log of the process that made the call.",
    )


def overran(limit_s: float, *, retryable: bool) -> ErrorInfo:
    """Return what a call looks like that its handler did not end within its time-out."""
    return ErrorInfo(
        error_type="timeout",
        message=f"The call was given up after {limit_s:g} s.",
        retryable=retryable,
    )


def too_large(size: int, most: int) -> ErrorInfo:
    """Return why a result was not reported: its ``size`` in bytes is beyond ``most``."""
    return ErrorInfo(
        error_type="too_large",
        message=f"The result has {size} bytes; {most} are allowed.",
        retryable=False,
        suggested_next_action="Ask for less at once.",
    )
