from __future__ import annotations

import asyncio

import pytest

from runfold.events.calls import Outcome
from runfold.processors.effects.breaker import Breaker
from runfold.processors.model.processor import ModelProcessor
from runfold.processors.model.providers.settings import ModelSettings
from tests.model.given import call, script, scripts, work
from tests.model.server import Answer, Provider, chat, error, message

CLAUDE = "anthropic:claude-sonnet-4-5"
SPOKEN = Answer(body=message({"type": "text", "text": "from claude"}))


@pytest.mark.parametrize(
    "answer",
    [
        Answer(401, error("authentication_error", "no")),
        Answer(404, {}),
        Answer(429, {}, {"Retry-After": "60"}),
        Answer(200, b"{"),
    ],
)
def test_the_next_model_answers_where_a_provider_fails(
    openai: Provider, anthropic: Provider, both: ModelSettings, answer: Answer
) -> None:
    openai.will(answer)
    anthropic.will(SPOKEN)
    found = call(work(fallbacks=(CLAUDE,)), both)
    assert found.outcome is Outcome.SUCCEEDED
    assert (found.model, found.provider) == (CLAUDE, "anthropic")
    assert [attempt.model for attempt in found.attempts] == ["openai:gpt-4o", CLAUDE]
    assert found.attempts[0].error_type is not None


@pytest.mark.parametrize("said", ["bad field", "prompt is too long"])
def test_a_request_that_is_wrong_is_not_tried_elsewhere(
    openai: Provider, anthropic: Provider, both: ModelSettings, said: str
) -> None:
    openai.will(Answer(400, error("invalid_request_error", said)))
    found = call(work(fallbacks=(CLAUDE,)), both)
    assert found.outcome is Outcome.FAILED
    assert anthropic.asked == []


def test_a_slow_model_leaves_time_for_the_next(
    openai: Provider, anthropic: Provider, both: ModelSettings
) -> None:
    openai.will(Answer(body=chat("late"), hang_s=20))
    anthropic.will(SPOKEN)
    found = call(work(fallbacks=(CLAUDE,), timeout_ms=1500), both)
    assert found.outcome is Outcome.SUCCEEDED
    assert [attempt.error_type for attempt in found.attempts] == ["timeout", None]


def test_models_are_tried_in_order_and_all_faults_are_told(
    openai: Provider, anthropic: Provider, both: ModelSettings
) -> None:
    openai.will(Answer(401, {}))
    anthropic.will(Answer(429, {}, {"Retry-After": "7"}))
    found = call(work(fallbacks=(CLAUDE, "openai:gpt-4o", "scripted:none")), both)
    assert [attempt.model for attempt in found.attempts] == [
        "openai:gpt-4o",
        CLAUDE,
        "scripted:none",
    ]
    assert found.error is not None
    assert (found.error.error_type, found.error.retryable) == ("rate_limited", True)
    assert found.error.retry_after_ms == 7000
    assert "openai answered 401" in found.error.message
    assert "no script 'none'" in found.error.message


def test_a_scripted_model_can_be_the_last_resort(openai: Provider, both: ModelSettings) -> None:
    openai.will(Answer(401, {}))
    found = call(work(fallbacks=("scripted:demo",)), both, script({"text": "I am scripted."}))
    assert (found.provider, found.model) == ("scripted", "scripted:demo")


def test_the_breaker_spares_a_failing_provider(openai: Provider, both: ModelSettings) -> None:
    openai.will(Answer(200, b"{"))
    now = [0.0]

    async def calls() -> list[str | None]:
        found: list[str | None] = []
        async with ModelProcessor(both, scripts(), clock=lambda: now[0]) as models:
            for step in (0, 0, 0, 0, 0, 0, 31, 0):
                now[0] += step
                result = await models.call(work())
                assert result.error is not None
                found.append(result.error.error_type)
                if result.error.error_type == "circuit_open":
                    assert result.error.retryable
                    assert result.error.retry_after_ms == 30_000
        return found

    broken, spared = "malformed_response", "circuit_open"
    assert asyncio.run(calls()) == [broken] * 5 + [spared, broken, spared]
    assert len(openai.asked) == 6


def test_an_answer_between_failures_keeps_the_provider_in_use(
    openai: Provider, both: ModelSettings
) -> None:
    broken = [Answer(200, b"{")] * 4
    openai.will(*broken, Answer(body=chat("ok")), *broken)

    async def calls() -> list[str | None]:
        async with ModelProcessor(both, scripts()) as models:
            results = [await models.call(work()) for _ in range(9)]
        return [result.error.error_type if result.error else None for result in results]

    failed = ["malformed_response"] * 4
    assert asyncio.run(calls()) == [*failed, None, *failed]


def test_a_fault_of_the_request_does_not_open_the_breaker(
    openai: Provider, both: ModelSettings
) -> None:
    openai.will(Answer(400, {}))

    async def calls() -> set[str]:
        async with ModelProcessor(both, scripts()) as models:
            results = [await models.call(work()) for _ in range(7)]
        return {result.error.error_type for result in results if result.error}

    assert asyncio.run(calls()) == {"bad_request"}


def test_an_open_breaker_lets_one_trial_through_and_closes_on_success() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0], failures=2, pause_s=10)
    breaker.failed()
    assert breaker.admit(5) is None
    breaker.failed()
    assert breaker.admit(5) == 10_000
    now[0] = 10.0
    assert breaker.admit(5) is None
    assert breaker.admit(5) is not None
    breaker.abandoned()
    assert breaker.admit(5) is None
    breaker.succeeded()
    assert breaker.admit(5) is None
    assert breaker.admit(5) is None


def test_a_success_between_keeps_the_breaker_closed() -> None:
    breaker = Breaker(lambda: 0.0, failures=2)
    for _ in range(3):
        breaker.failed()
        assert breaker.admit(5) is None
        breaker.succeeded()
