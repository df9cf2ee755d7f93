"""What servers' codes, words and statuses mean, gathered from those that we know."""

from __future__ import annotations

from collections.abc import Sequence

_CODES = {
    "context_length_exceeded": "context_overflow",
    "context_window_exceeded": "context_overflow",
    "exceed_context_size_error": "context_overflow",
    "request_too_large": "context_overflow",
    "string_above_max_length": "context_overflow",
    "insufficient_quota": "quota_exceeded",
    "insufficient_balance": "quota_exceeded",
    "billing_error": "quota_exceeded",
    "billing_hard_limit_reached": "quota_exceeded",
    "billing_not_active": "quota_exceeded",
    "exceeded_current_quota_error": "quota_exceeded",
    "content_filter": "content_filtered",
    "content_policy_violation": "content_filtered",
    "responsibleaipolicyviolation": "content_filtered",
    "data_inspection_failed": "content_filtered",
    "moderation_blocked": "content_filtered",
    "invalid_api_key": "auth",
    "authentication_error": "auth",
    "permission_error": "auth",
    "unauthenticated": "auth",
    "permission_denied": "auth",
    "accessdeniedexception": "auth",
    "model_not_found": "model_not_found",
    "not_found_error": "model_not_found",
    "rate_limit_error": "rate_limited",
    "rate_limit_exceeded": "rate_limited",
    "rate_limit_reached_error": "rate_limited",
    "throttlingexception": "rate_limited",
    "overloaded_error": "overloaded",
    "engine_overloaded_error": "overloaded",
    "unavailable": "overloaded",
    "server_is_overloaded": "overloaded",
    "api_error": "provider_error",
    "server_error": "provider_error",
    "internal": "provider_error",
    "timeout_error": "timeout",
    "deadline_exceeded": "timeout",
}

_STATUSES = {
    401: "auth",
    402: "quota_exceeded",
    403: "auth",
    404: "model_not_found",
    408: "timeout",
    409: "overloaded",
    413: "context_overflow",
    425: "overloaded",
    429: "rate_limited",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}

_OVERFLOW = (
    "context length",
    "context_length",
    "context window",
    "context size",
    "context limit",
    "contextlength",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "input length exceed",
    "too many input tokens",
    "too many tokens",
    "maximum prompt length",
    "maximum model length",
    "max_model_len",
    "model token limit",
    "maximum number of tokens allowed",
    "maximum allowed number of input tokens",
    "input token count",
    "tokens must be reduced",
    "reduce the length of the messages",
    "please reduce the length",
    "token limit exceeded",
    "exceeds the maximum token",
)
_FILTERED = (
    "content filter",
    "content_filter",
    "content management policy",
    "content policy",
    "content filtering policy",
    "inappropriate content",
    "safety filter",
    "safety system",
)
_SPENT = (
    "current quota",
    "credit balance",
    "insufficient balance",
    "insufficient credit",
    "insufficient_quota",
    "out of credit",
    "billing hard limit",
    "requires more credits",
    "payment required",
    "spending limit",
    "usage limit",
)
_KEYS = ("api key not valid", "invalid api key", "incorrect api key", "api key expired")


def kind_of(status: int, codes: Sequence[str], message: str, *, paused: bool) -> str:
    """Return the kind of fault: what codes say, then words, then the status.

    ``paused`` says that the server asks for a pause: then a limit passes, and no quota is spent.
    """
    said = message[:4000].lower()
    by_code = next((_CODES[code.lower()] for code in codes if code.lower() in _CODES), None)
    if by_code in {None, "provider_error", "rate_limited"}:
        by_words = _by_words(status, said, paused=paused, limited=by_code == "rate_limited")
        if by_words is not None:
            return by_words
    if by_code is not None:
        return by_code
    if 300 <= status < 400:
        return "not_configured"
    return _STATUSES.get(status, "provider_error" if status >= 500 else "bad_request")


def _by_words(status: int, said: str, *, paused: bool, limited: bool) -> str | None:
    if status in {401, 403}:
        return None
    limited = limited or status == 429
    # "Too many tokens" of a limited server are those of a minute, unless one request is too large.
    too_long = "tokens must be reduced" in said if limited else _has(said, _OVERFLOW)
    if too_long:
        return "context_overflow"
    if not paused and _has(said, _SPENT):
        return "quota_exceeded"
    if not limited and _has(said, _FILTERED):
        return "content_filtered"
    return "auth" if status == 400 and _has(said, _KEYS) else None


def _has(said: str, signs: Sequence[str]) -> bool:
    return any(sign in said for sign in signs)
