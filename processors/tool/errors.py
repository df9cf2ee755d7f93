"""What a tool may raise, and what goes wrong around it.

ToolError
├── ToolRefusedError       nothing was done, for certain: the claim is let go
│   └── NotYetError        and it may be possible later, with the same call
├── UnusableResultError    the tool ran, and what it returned cannot be used
├── ToolRaisedError        the tool ran in another process, and raised there
├── ToolDiedError          the process that ran the tool ended
├── ToolLivesError         that process was killed, and may still act
└── ClaimsUnavailableError retry: the claims' store does not answer
"""

from __future__ import annotations

from typing import Any

from runfold.events.values import ErrorInfo
from runfold.processors.effects.holds import CannotBeginError


class ToolError(Exception):
    """The root of what this room raises."""


class ToolRefusedError(ToolError):
    """Raised by a tool, or before one, that did nothing and says why.

    Any other exception out of a tool with side effects leaves open what happened.
    """

    def __init__(
        self,
        message: str,
        *,
        error_type: str = "tool_error",
        retryable: bool = False,
        retry_after_ms: int | None = None,
        suggested_next_action: str | None = None,
    ) -> None:
        super().__init__(message)
        self.info = ErrorInfo(
            error_type=error_type,
            message=message,
            retryable=retryable,
            retry_after_ms=retry_after_ms,
            suggested_next_action=suggested_next_action,
        )


class NotYetError(ToolRefusedError):
    """A call cannot begin now; ``code`` says in a word what it waits for."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(message, **{"error_type": "unavailable", "retryable": True, **more})
        self.code = code

    def hold(self) -> CannotBeginError:
        """Return it as hosts of effects know it."""
        return CannotBeginError(self.code, self.info.message, self.info.retry_after_ms)


class UnusableResultError(ToolError):
    """What a tool returned is not JSON, breaks its schema, or is too large to keep."""

    def __init__(self, error_type: str, message: str, suggested_next_action: str) -> None:
        super().__init__(message)
        self.info = ErrorInfo(
            error_type=error_type,
            message=message,
            retryable=False,
            suggested_next_action=suggested_next_action,
        )


class ToolRaisedError(ToolError):
    """What a tool raised in another process: the name of its class, and its first line.

    ``passing`` says that the class stands for a fault that may pass; ``frames`` are where it came
    from, for a log.
    """

    def __init__(self, kind: str, message: str, *, passing: bool, frames: tuple[str, ...]) -> None:
        super().__init__(message)
        self.kind = kind
        self.passing = passing
        self.frames = frames


class ToolDiedError(ToolError):
    """The process that ran a tool ended; ``how``, as in "it was ended …", says by what.

    ``blamed`` is false where it was ended because of another call.
    """

    def __init__(self, how: str, *, blamed: bool = True) -> None:
        super().__init__(how)
        self.how = how
        self.blamed = blamed


class ToolLivesError(ToolError):
    """The process that runs a tool was killed, and the system has not let it go: it may act on."""


class ClaimsUnavailableError(ToolError):
    """The store of claims could not be reached; nothing may be run without it."""
