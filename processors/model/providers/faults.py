"""What can go wrong at a provider, and which of it another attempt or another model can cure."""

from __future__ import annotations

from runfold.events.values import ErrorInfo
from runfold.processors.model.providers.cleaning import clean, name_of

_LONGEST_MESSAGE = 500
_LONGEST_TYPE = 64

PROCESS_DIED = "process_died"
"""The process that asked the provider died; that says nothing of the provider."""

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
        PROCESS_DIED,
    }
)
"""Error types that another attempt at the same model may cure."""

UNHEALTHY = RETRYABLE - {"rate_limited", "circuit_open", PROCESS_DIED}
"""Error types that count against a model's circuit breaker."""

_OURS = frozenset(
    {
        "bad_request",
        "content_filtered",
        "content_mismatch",
        "content_unavailable",
        "context_overflow",
        "playbook_error",
    }
)

_ACTIONS = {
    "auth": "check the provider's API key and its permissions",
    "not_configured": "set the provider's key or address, or name another model",
    "model_not_found": "name a model the provider serves: in the agent, or for `default` in "
    "OPENAI_MODEL or ANTHROPIC_MODEL",
    "quota_exceeded": "raise the provider's quota or name a fallback model",
    "bad_request": "correct the agent's model parameters or tool schemas",
    "content_filtered": "change what the provider's content filter objects to, or its settings",
    "context_overflow": "set the agent's context_tokens below the model's window, so that only "
    "the newest is shown, or name a larger model",
    "content_mismatch": "say the digest and the size of the bytes that the reference names",
    "content_unavailable": "make the artifact store reachable for the model processor",
    "playbook_error": "correct the script and publish it under a new version",
    "unavailable": "check the provider's address and the network",
    "malformed_response": "retry; if it goes on, check that the address is a server of this kind",
    PROCESS_DIED: "retry; if it goes on, look into the log of the run processor, or raise "
    "RUNFOLD_MODEL_MEMORY_MB",
    "timeout": "retry, or raise the agent's model time-out",
}


class ProviderFaultError(Exception):
    """A call to one provider failed; ``error_type`` and ``message`` are safe to put on record."""

    def __init__(self, error_type: str, message: str, *, retry_after_ms: int | None = None) -> None:
        self.error_type = name_of(error_type, _LONGEST_TYPE)
        self.message = clean(message[:_LONGEST_MESSAGE])
        super().__init__(self.message)
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


class CircuitOpenError(ProviderFaultError):
    """A model was not asked, since it failed several times in a row."""


class ContentAwayError(ProviderFaultError):
    """A part of the context cannot be had now, since the store of artifacts does not answer."""


class ScriptedFaultError(ProviderFaultError):
    """A fault that a script asked for, retryable as the script says."""

    def __init__(
        self, error_type: str, message: str, *, retryable: bool, retry_after_ms: int | None
    ) -> None:
        super().__init__(error_type, message, retry_after_ms=retry_after_ms)
        self.retryable = retryable
