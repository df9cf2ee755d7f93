"""Why no context was chosen: the result carries ``info``, and nothing was done."""

from __future__ import annotations

from runfold.events.values import ErrorInfo


class ContextRefusedError(Exception):
    """A selection that cannot be made as it was asked for, or not now."""

    def __init__(
        self,
        error_type: str,
        message: str,
        *,
        retryable: bool = False,
        suggested_next_action: str | None = None,
    ) -> None:
        super().__init__(message)
        self.info = ErrorInfo(
            error_type=error_type,
            message=message,
            retryable=retryable,
            suggested_next_action=suggested_next_action,
        )
