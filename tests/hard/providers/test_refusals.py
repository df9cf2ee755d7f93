"""What a provider says of an error is kept, and understood, in whatever form it comes [9]."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from runfold.events.values import ErrorInfo
from runfold.processors.model.providers.refusals import Refusal
from tests.model import server
from tests.model.given import call, settings, work
from tests.model.server import Answer, chat

WORDS = "The moon is in the wrong phase"
STREAM = {"Content-Type": "text/event-stream"}


@pytest.fixture
def openai() -> Iterator[server.Provider]:
    with server.provider() as found:
        yield found


def told(openai: server.Provider, answer: Answer, **more: Any) -> ErrorInfo:
    openai.will(answer)
    found = call(work(**more), settings(OPENAI_BASE_URL=openai.address))
    assert found.error is not None
    assert found.attempts[-1].message is not None
    return found.error


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": WORDS, "type": "invalid_request_error"}},
        {"error": WORDS},
        {"error": [{"message": WORDS}]},
        {"error": {"message": {"message": WORDS}}},
        {"object": "error", "message": WORDS, "code": 400},
        {"message": WORDS, "request_id": "r"},
        {"detail": WORDS},
        {"detail": [{"loc": ["body", "x"], "msg": WORDS, "type": "missing"}]},
        {"errors": [{"message": WORDS}]},
        {"type": "about:blank", "title": WORDS, "status": 400},
        {"fault": {"faultstring": WORDS, "detail": {"errorcode": "x"}}},
        [{"error": {"code": 400, "message": WORDS, "status": "INVALID_ARGUMENT"}}],
        {
            "error": {
                "message": "Provider returned error",
                "metadata": {"raw": json.dumps({"error": WORDS})},
            }
        },
        {"error": {"message": json.dumps({"error": {"message": WORDS}})}},
        {"errors": {"field": [WORDS]}},
        json.dumps(WORDS).encode(),
        WORDS.encode(),
        f"<html><head><title>400</title><style>b{{}}</style></head><body><h1>{WORDS}</h1></body>".encode(),
        f"<title>{WORDS}".encode(),
        f'event: error\ndata: {{"message": "{WORDS}"}}\n\n'.encode(),
        f'data: {{"error": {{"message": "{WORDS}"}}}}\n\n'.encode(),
        b"\xef\xbb\xbf" + json.dumps({"error": WORDS}).encode(),
    ],
)
@pytest.mark.parametrize("status", [400, 500])
def test_its_own_words_are_kept(openai: server.Provider, body: Any, status: int) -> None:
    found = told(openai, Answer(status, body))
    assert WORDS in found.message
    assert f"answered {status}" in found.message
    assert found.error_type == ("bad_request" if status == 400 else "provider_error")


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": WORDS, "code": 429}},
        {"object": "error", "message": WORDS, "code": 429},
        {"choices": [{"error": {"message": WORDS, "code": 429}, "finish_reason": "error"}]},
        {"message": WORDS, "code": "429"},
        f'data: {{"error": {{"message": "{WORDS}", "code": 429}}}}\n\n'.encode(),
        f'event: error\ndata: {{"message": "{WORDS}", "code": 429}}\n\n'.encode(),
        f'data: {{"object": "error", "message": "{WORDS}", "code": 429}}\n\n'.encode(),
        b'data: {"choices": [{"error": {"message": "%b", "code": 429}}]}\n\n' % WORDS.encode(),
    ],
)
@pytest.mark.parametrize("asked", ["{}", '{"stream": true}'])
def test_an_error_under_a_200_is_one(openai: server.Provider, body: Any, asked: str) -> None:
    headers = STREAM if isinstance(body, bytes) else {}
    found = told(openai, Answer(200, body, headers), parameters=asked)
    assert WORDS in found.message
    assert found.error_type == "rate_limited"


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 2048 tokens. However, you requested 2723 tokens.",
        "prompt is too long: 213044 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "the request exceeds the available context size. try increasing the context size",
        "Input is too long for requested model.",
        "Trying to keep the first 9 tokens when context the overflows. Context window is 4096",
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        "Invalid request: Your request exceeded model token limit: 262144",
        "Please reduce the length of the messages or completion.",
    ],
)
@pytest.mark.parametrize("status", [400, 413, 422, 500])
def test_a_context_that_is_too_long_is_told_apart(
    openai: server.Provider, said: str, status: int
) -> None:
    found = told(openai, Answer(status, {"object": "error", "message": said, "code": status}))
    assert (found.error_type, found.retryable) == ("context_overflow", False)
    assert said[:60] in found.message
    assert "context_tokens" in (found.suggested_next_action or "")
    assert "larger model" in (found.suggested_next_action or "")


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (
            400,
            {"message": "max_tokens is too large: 99999", "code": "invalid_value"},
            "bad_request",
        ),
        (400, {"message": "x", "code": "content_filter"}, "content_filtered"),
        (
            400,
            {
                "message": "The response was filtered due to the prompt triggering Azure OpenAI's "
                "content management policy",
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            },
            "content_filtered",
        ),
        (
            400,
            {
                "message": "Output blocked by content filtering policy",
                "type": "invalid_request_error",
            },
            "content_filtered",
        ),
        (
            400,
            {"code": "data_inspection_failed", "message": "Input data may be bad"},
            "content_filtered",
        ),
        (
            429,
            {"message": "You exceeded your current quota", "type": "insufficient_quota"},
            "quota_exceeded",
        ),
        (
            429,
            {"message": "You exceeded your current quota, please check your plan"},
            "quota_exceeded",
        ),
        (
            429,
            {
                "message": "You exceeded your current quota",
                "status": "RESOURCE_EXHAUSTED",
                "details": [{"@type": "RetryInfo", "retryDelay": "34.5s"}],
            },
            "rate_limited",
        ),
        (
            400,
            {
                "message": "Your credit balance is too low to access the Anthropic API",
                "type": "invalid_request_error",
            },
            "quota_exceeded",
        ),
        (402, {"message": "Insufficient Balance"}, "quota_exceeded"),
        (403, {"message": "Key limit exceeded (monthly limit)"}, "auth"),
        (429, {"message": "Too many tokens, please wait before trying again."}, "rate_limited"),
        (
            429,
            {
                "message": "Rate limit reached on tokens per min (TPM)",
                "code": "rate_limit_exceeded",
            },
            "rate_limited",
        ),
        (
            429,
            {
                "message": "Request too large for gpt-4o on tokens per min: Limit 30000, Requested "
                "40000. The input or output tokens must be reduced",
                "code": "rate_limit_exceeded",
            },
            "context_overflow",
        ),
        (
            400,
            {
                "message": "API key not valid. Please pass a valid API key.",
                "status": "INVALID_ARGUMENT",
            },
            "auth",
        ),
        (500, {"message": "Overloaded", "type": "overloaded_error"}, "overloaded"),
        (
            404,
            {"message": "The model `x` does not exist", "code": "model_not_found"},
            "model_not_found",
        ),
    ],
)
def test_kinds_of_refusals_are_told_apart(status: int, error: dict[str, Any], kind: str) -> None:
    assert Refusal(status, {"error": error}).error_type == kind


def test_a_pause_in_the_body_is_kept(openai: server.Provider) -> None:
    details = [{"@type": "RetryInfo", "retryDelay": "34.5s"}]
    body = [{"error": {"code": 429, "message": "current quota", "details": details}}]
    found = told(openai, Answer(429, body))
    assert (found.error_type, found.retry_after_ms) == ("rate_limited", 34_500)


def test_a_header_that_asks_for_a_pause_means_that_no_quota_is_spent(
    openai: server.Provider,
) -> None:
    body = {"error": {"message": "You exceeded your current quota"}}
    found = told(openai, Answer(429, body, {"Retry-After": "60"}))
    assert (found.error_type, found.retry_after_ms) == ("rate_limited", 60_000)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_says_where_to(openai: server.Provider, status: int) -> None:
    place = "https://elsewhere.test/v1/chat/completions?token=canary"
    found = told(openai, Answer(status, b"", {"Location": place}))
    assert (found.error_type, found.retryable) == ("not_configured", False)
    assert "redirects to https://elsewhere.test/v1/chat/completions," in found.message
    assert "canary" not in found.message
    assert len(openai.asked) == 1


@pytest.mark.parametrize("said", ["near \ud83d", "a" * 100_000, "\ud83d" * 600, "x\0y"])
def test_words_of_any_kind_can_be_put_on_record(openai: server.Provider, said: str) -> None:
    found = told(openai, Answer(400, {"error": {"message": said, "code": said, "type": said}}))
    assert found.message.encode()
    assert len(found.message) <= 500
    assert len(found.error_type) <= 64


def test_a_page_of_html_under_a_200_keeps_its_words(openai: server.Provider) -> None:
    found = told(openai, Answer(200, b"<html><title>Sign in</title><body>Please sign in"))
    assert found.error_type == "malformed_response"
    assert "Sign in" in found.message


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "", "text/html", "??"])
@pytest.mark.parametrize("asked", ["{}", '{"stream": true}'])
def test_content_types_are_not_believed(openai: server.Provider, kind: str, asked: str) -> None:
    configured = settings(OPENAI_BASE_URL=openai.address)
    chunk = {"choices": [{"delta": {"content": "hi"}, "finish_reason": "stop"}]}
    for body in (
        json.dumps(chat("hi")).encode(),
        b"\xef\xbb\xbf" + json.dumps(chat("hi")).encode(),
        b"\n\n  " + json.dumps(chat("hi")).encode(),
        f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode(),
        f": wait\n\n: wait\n\ndata: {json.dumps(chunk)}\n\n".encode(),
    ):
        openai.will(Answer(body=body, headers={"Content-Type": kind}))
        found = call(work(parameters=asked), configured)
        assert found.answer is not None, found.error
        assert found.answer.text is not None
        assert found.answer.text.inline == b"hi"


def test_json_that_calls_itself_a_stream_is_read(openai: server.Provider) -> None:
    openai.will(Answer(body=chat("hi"), headers=STREAM))
    assert call(work(), settings(OPENAI_BASE_URL=openai.address)).answer is not None


def test_markup_without_an_end_is_read_once() -> None:
    for said in ("<" * 200_000, "<script>" * 30_000, "<title" * 30_000, "<style>a" * 30_000):
        assert len(Refusal(500, None, said).message) <= 4000
