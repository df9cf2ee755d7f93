"""A model call that no model can be asked for is held, and was no attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from runfold.events.calls import ModelResult, ModelWork, Outcome
from runfold.events.contents.content import Content
from runfold.infra.artifacts.errors import ArtifactMissingError, ArtifactsUnavailableError
from runfold.processors.effects.breaker import Breaker
from runfold.processors.effects.holds import CannotBeginError
from runfold.processors.model.kind import MODEL_CALL
from runfold.processors.model.processor import ModelProcessor
from runfold.processors.model.providers.faults import ProviderFaultError
from runfold.processors.model.providers.wire import WireAnswer
from tests.model.given import script, scripts, settings, work

ONE, OTHER, THIRD = "openai:gpt-4o", "openai:gpt-5-mini", "openai:gpt-5"
ELSEWHERE = "anthropic:claude-sonnet-4-5"
CONFIGURED = settings(OPENAI_API_KEY="k", ANTHROPIC_API_KEY="k")

asking = partial(work, by_permission=True, model=ONE)


class Providers:
    """Providers of which some models are down; ``asked`` lists who was asked."""

    def __init__(self) -> None:
        self.down: dict[str, str] = {}
        self.asked: list[str] = []
        self.may_end: asyncio.Event | None = None

    async def answer(self, work: ModelWork, model: str, budget_s: float) -> WireAnswer:
        self.asked.append(model)
        if self.may_end is not None:
            await self.may_end.wait()
        raise ProviderFaultError(self.down.get(model, "bad_request"), "no")

    async def aclose(self) -> None:
        """Nothing is open."""


class Host:
    """Makes calls as a host does, with a clock of its own."""

    def __init__(self, fetch: Callable[[str, str], bytes] | None = None) -> None:
        self.now = 100.0
        self.providers = Providers()
        self.models = ModelProcessor(
            CONFIGURED,
            scripts(script({"text": "scripted"})),
            fetch,
            clock=lambda: self.now,
            sleep=lambda _seconds: asyncio.sleep(0),
            remote=self.providers,
        )

    async def call(self, work: ModelWork) -> ModelResult:
        if not work.by_permission:
            return await self.models.call(work)
        try:
            async with self.models.ready(work) as make:
                return await make()
        except CannotBeginError as hold:
            return MODEL_CALL.on_held(work, hold.info())

    async def opened(self, *names: str) -> None:
        """Let models fail until they are left alone."""
        for name in names:
            self.providers.down[name] = "malformed_response"
            for _ in range(5):
                await self.call(asking(model=name))
        self.providers.asked.clear()


def test_names_of_one_model_share_its_places() -> None:
    models = Host().models
    first = models.group(asking(model="default:x"))
    assert first == models.group(asking(model="default:y")) == CONFIGURED.configured[0]
    assert models.group(asking(model=THIRD)) == THIRD != first


def said(result: ModelResult) -> tuple[Outcome, str]:
    assert result.error is not None, result.answer
    return result.outcome, result.error.error_type


def run(test: Any) -> None:
    asyncio.run(test)


def test_a_call_whose_models_are_left_alone_is_held_and_nobody_is_asked() -> None:
    async def test() -> None:
        host = Host()
        await host.opened(ONE, OTHER)
        host.now += 10
        held = await host.call(asking(fallbacks=(OTHER,)))
        assert said(held) == (Outcome.HELD, "circuit_open")
        assert (held.attempts, held.latency_ms, held.cost, held.usage) == ((), 0, None, None)
        assert held.error is not None
        assert (held.error.retry_after_ms, host.providers.asked) == (20_000, [])

    run(test())


def test_a_run_that_knows_of_no_held_calls_is_told_of_a_failed_attempt() -> None:
    async def test() -> None:
        host = Host()
        await host.opened(ONE)
        failed = await host.call(work(model=ONE))
        assert said(failed) == (Outcome.FAILED, "circuit_open")
        assert [attempt.error_type for attempt in failed.attempts] == ["circuit_open"]

    run(test())


def test_a_model_that_is_left_alone_holds_up_no_other_of_its_provider() -> None:
    async def test() -> None:
        host = Host()
        await host.opened(ONE)
        assert said(await host.call(asking(model=OTHER))) == (Outcome.FAILED, "bad_request")
        assert host.providers.asked == [OTHER]

    run(test())


def test_a_provider_is_left_alone_where_several_of_its_models_fail() -> None:
    async def test() -> None:
        host = Host()
        for name in (ONE, OTHER):
            host.providers.down[name] = "unavailable"
        # Each is asked a second time where a short wait helps; this fault has none.
        for name in (ONE, ONE, ONE, OTHER, OTHER):
            await host.call(asking(model=name))
        host.providers.asked.clear()
        held = await host.call(asking(model=THIRD))
        assert said(held) == (Outcome.HELD, "circuit_open")
        assert held.error is not None
        assert held.error.message.startswith("the provider openai failed several times")
        assert host.models.left_alone() == {"model": [], "provider": ["openai"]}
        # Models of another provider are asked at once.
        await host.call(asking(fallbacks=(ELSEWHERE,)))
        host.now += 30
        host.providers.down.clear()
        await host.call(asking(model=THIRD))
        assert host.providers.asked == [ELSEWHERE, THIRD]

    run(test())


def test_where_any_model_was_asked_it_was_an_attempt() -> None:
    async def test() -> None:
        host = Host()
        await host.opened(ONE)
        host.providers.down[THIRD] = "auth"
        failed = await host.call(asking(fallbacks=(THIRD,)))
        assert [attempt.error_type for attempt in failed.attempts] == ["circuit_open", "auth"]
        assert failed.outcome is Outcome.FAILED
        answered = await host.call(asking(fallbacks=("scripted:demo",)))
        assert answered.outcome is Outcome.SUCCEEDED

    run(test())


def test_a_model_that_fails_once_more_while_it_is_asked_was_asked() -> None:
    async def test() -> None:
        host = Host()
        host.providers.down[ONE] = "malformed_response"
        for _ in range(4):
            await host.call(asking())
        host.providers.down[ONE] = "provider_error"
        failed = await host.call(asking())
        assert said(failed) == (Outcome.FAILED, "provider_error")
        assert [each.error_type for each in failed.attempts] == ["provider_error", "circuit_open"]

    run(test())


def test_a_call_made_without_being_found_ready_is_held_as_well() -> None:
    async def test() -> None:
        host = Host()
        await host.opened(ONE)
        held = await host.models.call(asking())
        assert (said(held), held.attempts) == ((Outcome.HELD, "circuit_open"), ())

    run(test())


def test_a_trial_is_single_and_the_others_are_told_how_long_it_may_take() -> None:
    async def test() -> None:
        host = Host()
        await host.opened(ONE)
        host.now += 30
        host.providers.may_end = asyncio.Event()
        trial = asyncio.create_task(host.call(asking(timeout_ms=60_000)))
        await asyncio.sleep(0.01)
        host.now += 20
        pauses = []
        for _ in range(20):
            held = await host.call(asking())
            assert said(held) == (Outcome.HELD, "circuit_open")
            assert held.error is not None
            pauses.append(held.error.retry_after_ms or 0)
        assert all(40_000 <= pause <= 48_000 for pause in pauses)
        assert len(set(pauses)) > 10
        assert host.providers.asked == [ONE]
        host.providers.may_end.set()
        assert said(await trial) == (Outcome.FAILED, "malformed_response")
        assert said(await host.call(asking())) == (Outcome.HELD, "circuit_open")

    run(test())


def test_a_trial_that_is_not_permitted_leaves_its_place_to_the_next() -> None:
    async def test() -> None:
        host = Host()
        await host.opened(ONE)
        host.now += 30
        async with host.models.ready(asking()):
            assert said(await host.call(asking())) == (Outcome.HELD, "circuit_open")
        assert said(await host.call(asking())) == (Outcome.FAILED, "malformed_response")

    run(test())


def test_a_trial_that_is_asked_a_second_time_is_still_one_trial() -> None:
    async def test() -> None:
        host = Host()
        await host.opened(ONE)
        host.now += 30
        # It says nothing of its health, and a moment later it may be asked again.
        host.providers.down[ONE] = "process_died"
        failed = await host.call(asking())
        assert [attempt.error_type for attempt in failed.attempts] == ["process_died"] * 2

    run(test())


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (ArtifactsUnavailableError("no answer"), (Outcome.HELD, "artifacts_unavailable")),
        (ArtifactMissingError(), (Outcome.FAILED, "content_unavailable")),
    ],
)
def test_contents_that_cannot_be_had_now_hold_a_call(
    problem: Exception, expected: tuple[Outcome, str]
) -> None:
    def fetch(_ref: str, _tenant: str) -> bytes:
        raise problem

    elsewhere = Content(media_type="text/plain", size=5, digest=b"", ref="artifact:t/00")
    host = Host(fetch)
    assert said(asyncio.run(host.call(asking(instructions=elsewhere)))) == expected
    assert host.providers.asked == []
    legacy = asyncio.run(host.call(work(model=ONE, instructions=elsewhere)))
    assert said(legacy) == (Outcome.FAILED, "content_unavailable")


def test_pauses_of_those_who_wait_for_a_trial_are_spread() -> None:
    now, chances = [0.0], iter([0.0, 0.5, 1.0])
    breaker = Breaker(lambda: now[0], failures=1, pause_s=10, chance=lambda: next(chances))
    breaker.failed()
    now[0] = 10
    assert breaker.admit(100) is None
    assert [breaker.look() for _ in range(3)] == [100_000, 110_000, 120_000]
    now[0] = 200
    breaker.abandoned()
    assert breaker.look() is None
