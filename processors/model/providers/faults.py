"""What can go wrong at a provider, and which of it another attempt or another model can cure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runfold.events.values import ErrorInfo

_LONGEST_MESSAGE = 500

RETRYABLE = frozenset(
    {
        "rate_limited",
        "overloaded",
        "provider_error",
        "timeout",
        "unavailable",
        "connection_lost",
        "malformed_response",
        "circuit_open",
    }
)
"""Error types that another attempt at the same model may cure."""

UNHEALTHY = RETRYABLE - {"rate_limited", "circuit_open"}
"""Error types that count against a provider's circuit breaker."""

_OURS = frozenset({"bad_request", "context_too_long", "content_unavailable", "playbook_error"})

_ACTIONS = {
    "auth": "check the provider's API key and its permissions",
    "not_configured": "set the provider's key or address, or name another model",
    "model_not_found": "name a model the provider serves: in the agent, or for `default` in "
    "OPENAI_MODEL or ANTHROPIC_MODEL",
    "quota_exceeded": "raise the provider's quota or name a fallback model",
    "bad_request": "correct the agent's model parameters or tool schemas",
    "context_too_long": "shorten the context or choose a model with a larger window",
    "content_unavailable": "make the artifact store reachable for the model processor",
    "playbook_error": "correct the script and publish it under a new version",
    "unavailable": "check the provider's address and the network",
    "timeout": "retry, or raise the agent's model time-out",
}


class ProviderFaultError(Exception):
    """A call to one provider failed; ``error_type`` and ``message`` are safe to put on record."""

    def __init__(self, error_type: str, message: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message[:_LONGEST_MESSAGE]
        self.retry_after_ms = retry_after_ms
        self.retryable = error_type in RETRYABLE

    @property
    def falls_back(self) -> bool:
        """Whether another model may do better: the fault is the provider's."""
        return self.error_type not in _OURS

    def info(self) -> ErrorInfo:
        """Return the fault in the normalised form [81]."""
        return ErrorInfo(
            error_type=self.error_type,
            message=self.message,
            retryable=self.retryable,
            retry_after_ms=self.retry_after_ms,
            suggested_next_action=_ACTIONS.get(self.error_type, "retry later"),
        )


class ScriptedFaultError(ProviderFaultError):
    """A fault that a script asked for, retryable as the script says."""

    def __init__(
        self, error_type: str, message: str, *, retryable: bool, retry_after_ms: int | None
    ) -> None:
        super().__init__(error_type, message, retry_after_ms=retry_after_ms)
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class Refusal:
    """A provider's answer that is an error: HTTP status and decoded body."""

    status: int
    body: Any

    @property
    def _error(self) -> dict[str, Any]:
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return error if isinstance(error, dict) else {"message": error}

    @property
    def message(self) -> str:
        """The provider's own words, or the status where it has none."""
        said = self._error.get("message")
        return said if isinstance(said, str) and said else f"HTTP status {self.status}"

    @property
    def error_type(self) -> str:
        """The kind of fault, from the status and the provider's own codes."""
        for said in (self._error.get("code"), self._error.get("type")):
            if isinstance(said, str) and said in _CODES:
                return _CODES[said]
        if self.status in {400, 413, 422} and _too_long(self.message):
            return "context_too_long"
        return _STATUSES.get(self.status, "provider_error" if self.status >= 500 else "bad_request")


_CODES = {
    "context_length_exceeded": "context_too_long",
    "request_too_large": "context_too_long",
    "insufficient_quota": "quota_exceeded",
    "billing_error": "quota_exceeded",
    "invalid_api_key": "auth",
    "authentication_error": "auth",
    "permission_error": "auth",
    "model_not_found": "model_not_found",
    "not_found_error": "model_not_found",
    "rate_limit_error": "rate_limited",
    "rate_limit_exceeded": "rate_limited",
    "overloaded_error": "overloaded",
    "api_error": "provider_error",
}

_STATUSES = {
    401: "auth",
    402: "quota_exceeded",
    403: "auth",
    404: "model_not_found",
    408: "timeout",
    409: "overloaded",
    413: "context_too_long",
    425: "overloaded",
    429: "rate_limited",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}


def _too_long(message: str) -> bool:
    said = message.lower()
    return any(
        sign in said
        for sign in ("context length", "context window", "prompt is too long", "too many tokens")
    )
