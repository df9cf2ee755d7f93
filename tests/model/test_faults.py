from __future__ import annotations

import socket
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from runfold.events.calls import ModelResult, Outcome
from runfold.processors.model.providers.retry_after import retry_after_ms
from runfold.processors.model.providers.settings import ModelSettings
from tests.model.given import KEY, call, settings, work
from tests.model.server import Answer, Provider, chat, error, message

OK = Answer(body=chat("ok"))
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def kinds(found: ModelResult) -> list[str | None]:
    return [attempt.error_type for attempt in found.attempts]


@pytest.mark.parametrize(
    ("answer", "error_type", "retryable"),
    [
        (Answer(401, error("authentication_error", "no")), "auth", False),
        (Answer(403, {"error": "Forbidden"}), "auth", False),
        (Answer(402, {}), "quota_exceeded", False),
        (Answer(429, error("x", "pay", "insufficient_quota")), "quota_exceeded", False),
        (Answer(400, error("invalid_request_error", "bad field")), "bad_request", False),
        (Answer(422, b"<html>"), "bad_request", False),
        (Answer(302, b"", {"Location": "/elsewhere"}), "not_configured", False),
        (Answer(404, error("not_found_error", "no model")), "model_not_found", False),
        (Answer(400, error("x", "n", "context_length_exceeded")), "context_overflow", False),
        (Answer(400, error("x", "prompt is too long: 9 tokens")), "context_overflow", False),
        (Answer(413, b""), "context_overflow", False),
        (Answer(429, {}), "rate_limited", True),
        (Answer(500, b"oops"), "provider_error", True),
        (Answer(503, b""), "overloaded", True),
        (Answer(529, error("overloaded_error", "busy")), "overloaded", True),
        (Answer(529, b""), "overloaded", True),
        (Answer(504, b""), "timeout", True),
        (Answer(200, b'{"choices": [{"mess'), "malformed_response", True),
        (Answer(200, []), "malformed_response", True),
        (Answer(200, {"choices": []}), "malformed_response", True),
        (Answer(200, b"[" * 100_000), "malformed_response", True),
        (Answer(200, {"error": {"code": 429, "message": "slow"}}), "rate_limited", True),
        (Answer(drop=True), "connection_lost", True),
    ],
)
def test_every_fault_is_a_classified_result(
    openai: Provider, both: ModelSettings, answer: Answer, error_type: str, retryable: bool
) -> None:
    openai.will(answer)
    found = call(work(), both)
    assert (found.outcome, found.answer, found.cost) == (Outcome.FAILED, None, None)
    assert found.error is not None
    assert (found.error.error_type, found.error.retryable) == (error_type, retryable)
    assert found.error.message.startswith(("openai ", "the connection to openai "))
    assert found.error.suggested_next_action


def test_anthropic_faults_are_classified_too(anthropic: Provider, both: ModelSettings) -> None:
    anthropic.will(Answer(200, {"type": "message", "content": None}))
    found = call(work(model="anthropic:claude-sonnet-4-5"), both)
    assert found.error is not None
    assert found.error.error_type == "malformed_response"


def test_a_server_error_is_asked_again_at_once(openai: Provider, both: ModelSettings) -> None:
    openai.will(Answer(500, b""), OK)
    found = call(work(), both)
    assert found.outcome is Outcome.SUCCEEDED
    assert kinds(found) == ["provider_error", None]


def test_a_short_retry_after_is_waited_for(openai: Provider, both: ModelSettings) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    openai.will(Answer(429, {}, {"Retry-After": "1"}), OK)
    assert call(work(), both, sleep=sleep).outcome is Outcome.SUCCEEDED
    assert slept == [1.0]


@pytest.mark.parametrize(("pause", "timeout_ms"), [("30", 60_000), ("1", 900)])
def test_a_pause_that_does_not_fit_is_left_to_the_run(
    openai: Provider, both: ModelSettings, pause: str, timeout_ms: int
) -> None:
    openai.will(Answer(429, {}, {"Retry-After": pause}), OK)
    found = call(work(timeout_ms=timeout_ms), both)
    assert found.error is not None
    assert found.error.retryable
    assert found.error.retry_after_ms == int(pause) * 1000
    assert kinds(found) == ["rate_limited"]


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({}, None),
        ({"retry-after": "1.5"}, 1500),
        ({"retry-after-ms": "20", "retry-after": "9"}, 20),
        ({"retry-after": format_datetime(NOW.replace(second=7), usegmt=True)}, 7000),
        ({"retry-after": format_datetime(NOW.replace(hour=11), usegmt=True)}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1e400"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "99999999"}, 3_600_000),
        ({"retry-after": "-3"}, 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], pause: int | None) -> None:
    assert retry_after_ms(headers, NOW) == pause


@pytest.mark.parametrize("how", [{"hang_s": 20.0}, {"drip_s": 0.05}])
def test_a_slow_provider_is_a_time_out(
    openai: Provider, both: ModelSettings, how: dict[str, float]
) -> None:
    openai.will(Answer(body=chat("late"), **how))  # type: ignore[arg-type]
    started = time.monotonic()
    found = call(work(timeout_ms=300), both)
    assert found.error is not None
    assert (found.error.error_type, found.error.retryable) == ("timeout", True)
    assert kinds(found) == ["timeout"]
    assert time.monotonic() - started < 10


def _closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def test_a_refused_connection_says_where_to_look() -> None:
    address = f"http://127.0.0.1:{_closed_port()}"
    found = call(work(), settings(OPENAI_BASE_URL=address))
    assert found.error is not None
    assert (found.error.error_type, found.error.retryable) == ("unavailable", True)
    assert address in found.error.message
    assert "\n" not in found.error.message


def test_an_oversized_answer_is_refused(openai: Provider, both: ModelSettings) -> None:
    openai.will(Answer(body=chat("x" * 5_000_000)))
    found = call(work(), both)
    assert found.error is not None
    assert found.error.error_type == "malformed_response"


@pytest.mark.parametrize("model", ["mistral:x", "openai", "nonsense", "openai:"])
def test_a_model_that_is_not_configured_is_named(model: str, both: ModelSettings) -> None:
    found = call(work(model=model), both)
    assert found.error is not None
    assert (found.error.error_type, found.error.retryable) == ("not_configured", False)
    assert repr(model) in found.error.message


def test_a_missing_key_names_its_variable() -> None:
    found = call(work(model="anthropic:claude-sonnet-4-5"), settings())
    assert found.error is not None
    assert found.error.error_type == "not_configured"
    assert "ANTHROPIC_API_KEY is not set" in found.error.message


@pytest.mark.parametrize(
    "more",
    [
        {"parameters": "{oops"},
        {"parameters": "[1]"},
        {"parameters": '{"temperature": NaN}'},
        {"parameters": '{"stop": "\\ud800"}'},
    ],
)
def test_work_that_cannot_be_written_is_a_bad_request(
    both: ModelSettings, more: dict[str, Any]
) -> None:
    found = call(work(**more), both)
    assert found.error is not None
    assert (found.error.error_type, found.error.retryable) == ("bad_request", False)


def test_a_key_of_any_form_is_hidden(openai: Provider) -> None:
    openai.will(Answer(401, error("x", "plain-canary is no key")))
    configured = settings(OPENAI_BASE_URL=openai.address, OPENAI_API_KEY="plain-canary")
    found = call(work(), configured)
    assert found.error is not None
    assert found.error.message == "openai answered 401: [key] is no key"
    assert "canary" not in repr(found)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(401, error("x", f"Incorrect API key provided: {KEY}")),
        Answer(401, error("x", "Incorrect API key provided: sk-canar*****cdef")),
        Answer(500, f"Authorization: Bearer {KEY}".encode()),
        Answer(200, {"error": {"message": f"key {KEY} is out of credit"}}),
        Answer(drop=True),
    ],
)
def test_no_key_is_ever_on_record(
    openai: Provider, both: ModelSettings, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    openai.will(answer)
    found = call(work(), both)
    assert openai.asked[0].headers["authorization"] == f"Bearer {KEY}"
    for shown in (repr(found), found.model_dump_json(), caplog.text, repr(both)):
        assert "canar" not in shown


def test_the_key_stays_out_of_successes_as_well(
    anthropic: Provider, both: ModelSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    anthropic.will(Answer(body=message({"type": "text", "text": "ok"})))
    found = call(work(model="anthropic:claude-sonnet-4-5"), both)
    assert found.outcome is Outcome.SUCCEEDED
    assert "canary" not in repr(found) + caplog.text
