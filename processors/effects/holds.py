"""A call that cannot begin: nothing was done, so it is held and not failed."""

from __future__ import annotations

from runfold.events.values import ErrorInfo


class CannotBeginError(Exception):
    """Raised before anything of a call was done, where it may be possible later.

    ``code`` says in a word what the call waits for; ``retry_after_ms`` when that may be over.
    """

    def __init__(self, code: str, message: str, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms

    def info(self) -> ErrorInfo:
        """Return why the call is held, as its result says it."""
        return ErrorInfo(
            error_type=self.code,
            message=self.message,
            retryable=True,
            retry_after_ms=self.retry_after_ms,
        )
