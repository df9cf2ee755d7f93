"""A tool call that cannot begin is held; one of a run that knows of no held calls fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NoReturn

import psycopg
import pytest

from runfold.events.calls import Outcome, ToolResult, ToolWork
from runfold.events.contents.content import Content, json_content
from runfold.events.definitions import ToolContract
from runfold.infra.artifacts.errors import ArtifactsUnavailableError
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.secrets.port import SecretsUnavailableError
from runfold.processors.effects.holds import CannotBeginError
from runfold.processors.tool import ToolProcessor, contract_of
from runfold.processors.tool.beginning import health
from runfold.processors.tool.children.refusals import unavailable
from runfold.processors.tool.claims.connection import ClaimConnection
from runfold.processors.tool.claims.memory import MemoryClaims
from runfold.processors.tool.claims.port import ClaimRequest, Told
from runfold.processors.tool.errors import ClaimsUnavailableError, ToolDiedError
from runfold.processors.tool.execution import Implementation
from runfold.processors.tool.implementations import Found
from runfold.processors.tool.kind import TOOL_CALL
from tests.effects.given import tool_work
from tests.tool import samples


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    samples.effects.clear()
    yield
    samples.effects.clear()


class AwayClaims(MemoryClaims):
    """Claims that may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.away = True
        self.asked = 0
        self.answering = asyncio.Event()

    async def claim(self, wanted: ClaimRequest) -> Told:
        self.asked += 1
        if self.away:
            raise ClaimsUnavailableError("no answer")
        told = await super().claim(wanted)
        self.answering.set()
        return told


class AwayArtifacts(MemoryArtifacts):
    """A store that does not answer."""

    def get(self, ref: str, tenant_id: str) -> bytes:
        raise ArtifactsUnavailableError("no answer")


class AwaySecrets:
    """Secrets that do not answer."""

    def get(self, name: str, tenant_id: str) -> str | None:
        raise SecretsUnavailableError("no answer")


class Host:
    """Makes calls as a host does, with a clock of its own."""

    def __init__(self, *tools: Callable[..., Any] | ToolContract, **more: Any) -> None:
        known = [tool if isinstance(tool, ToolContract) else contract_of(tool) for tool in tools]
        self.contracts = {found.name: found for found in known}
        self.now = 100.0
        self.claims = AwayClaims()
        self.processor = ToolProcessor(
            lambda name, _version, _tenant: self.contracts.get(name),
            self.claims,
            more.pop("artifacts", None) or MemoryArtifacts(),
            modules=["tests.tool.samples"],
            health=health.Health(lambda: self.now),
            **more,
        )

    def work(self, name: str, arguments: object = None, **more: Any) -> ToolWork:
        said = arguments if isinstance(arguments, Content) else json_content(arguments or {})
        contract = self.contracts[name]
        given = {"by_permission": True, "timeout_ms": 5_000, **more}
        return tool_work(tool=name, tool_version=contract.version, arguments=said, **given)

    async def acall(self, work: ToolWork, pause_s: float = 0.0) -> ToolResult:
        """Make a call; it is permitted after so many seconds."""
        if not work.by_permission:
            return await self.processor.call(work)
        try:
            async with self.processor.ready(work) as make:
                await asyncio.sleep(pause_s)
                return await make()
        except CannotBeginError as hold:
            return TOOL_CALL.on_held(work, hold.info())

    def call(self, name: str, arguments: object = None, **more: Any) -> ToolResult:
        return asyncio.run(self.acall(self.work(name, arguments, **more)))


def said(result: ToolResult) -> tuple[Outcome, str]:
    assert result.error is not None, result.result
    return result.outcome, result.error.error_type


def nothing_done(result: ToolResult) -> bool:
    return (result.latency_ms, result.cost, result.effect) == (0, None, False)


def test_a_call_that_cannot_be_claimed_is_held_and_made_when_it_can() -> None:
    host = Host(samples.save)
    first = host.call("save", {"text": "x"})
    assert said(first) == (Outcome.HELD, "claims_unavailable")
    assert nothing_done(first)
    # The store is left alone for a moment, and then asked by one.
    again = host.call("save", {"text": "x"})
    assert said(again) == (Outcome.HELD, "claims_unavailable")
    assert again.error is not None
    assert (host.claims.asked, again.error.retry_after_ms) == (1, 2000)
    host.now += 2
    host.claims.away = False
    assert host.call("save", {"text": "x"}).outcome is Outcome.SUCCEEDED
    assert host.call("save", {"text": "x"}).outcome is Outcome.SUCCEEDED


def test_claims_are_tried_by_the_claim_and_not_by_all_that_the_tool_does() -> None:
    host = Host(samples.save, samples.hangs_again)
    host.call("save", {"text": "x"})
    host.now += 2
    host.claims.away = False

    async def beside_a_slow_one() -> Outcome:
        slow = host.work("hangs_again", idempotency_key="slow")
        trial = asyncio.create_task(host.acall(slow))
        await asyncio.wait_for(host.claims.answering.wait(), 20)
        other = await host.acall(host.work("save", {"text": "x"}))
        trial.cancel()
        return other.outcome

    assert asyncio.run(beside_a_slow_one()) is Outcome.SUCCEEDED


def test_a_run_that_knows_of_no_held_calls_is_told_of_a_failure_to_retry() -> None:
    host = Host(samples.save)
    result = host.call("save", {"text": "x"}, by_permission=False)
    assert said(result) == (Outcome.FAILED, "unavailable")
    assert result.error is not None
    assert (result.error.message, result.error.retryable) == ("no answer", True)


@pytest.mark.parametrize(
    "fault",
    [
        psycopg.errors.DiskFull,
        psycopg.errors.TooManyConnections,
        psycopg.errors.AdminShutdown,
        psycopg.errors.CannotConnectNow,
        psycopg.errors.IoError,
        psycopg.errors.ConnectionFailure,
        psycopg.errors.ReadOnlySqlTransaction,
    ],
)
def test_a_database_that_cannot_work_now_is_away(
    monkeypatch: pytest.MonkeyPatch, fault: type[psycopg.Error]
) -> None:
    async def asked(*_: object) -> NoReturn:
        raise fault

    async def connected(*_: object) -> None: ...

    monkeypatch.setattr(ClaimConnection, "_asked", asked)
    monkeypatch.setattr(ClaimConnection, "_connected", connected)
    with pytest.raises(ClaimsUnavailableError):
        asyncio.run(ClaimConnection("postgresql://nowhere/x").rows("SELECT 1", ()))


@pytest.mark.parametrize(("by_permission", "code"), [(True, "artifacts_unavailable"), (False, "")])
def test_arguments_that_cannot_be_fetched_now(*, by_permission: bool, code: str) -> None:
    away = Content(media_type="application/json", size=1, digest=b"", ref="artifact:acme/00")
    host = Host(samples.add, artifacts=AwayArtifacts())
    result = host.call("add", away, by_permission=by_permission)
    assert said(result) == (
        (Outcome.HELD, code) if by_permission else (Outcome.FAILED, "unavailable")
    )


def test_secrets_that_cannot_be_had_now_hold_a_call() -> None:
    host = Host(samples.leaks, secrets=AwaySecrets())
    assert said(host.call("leaks")) == (Outcome.HELD, "secrets_unavailable")


def test_a_turn_that_is_far_off_holds_a_call_for_as_long() -> None:
    limited = contract_of(samples.add).model_copy(update={"max_per_minute": 6})
    host = Host(limited)
    assert host.call("add", {"left": 1}).outcome is Outcome.SUCCEEDED
    held = host.call("add", {"left": 1})
    assert said(held) == (Outcome.HELD, "rate_limited")
    assert held.error is not None
    assert 9000 <= (held.error.retry_after_ms or 0) <= 10_000
    assert said(host.call("add", {"left": 1}, by_permission=False)) == (
        Outcome.FAILED,
        "rate_limited",
    )


@asynccontextmanager
async def _never() -> AsyncIterator[Implementation]:
    await asyncio.Event().wait()
    yield lambda _arguments, _context: asyncio.sleep(0)


@asynccontextmanager
async def _full() -> AsyncIterator[Implementation]:
    if samples.effects == []:
        raise unavailable("samples", "no room")
    yield lambda _arguments, _context: asyncio.sleep(0)


@pytest.mark.parametrize("room", [_never, _full])
def test_a_tool_without_a_process_for_another_call_holds_it(room: Any) -> None:
    host = Host(samples.add)
    host.processor._here[host.contracts["add"].implementation] = Found(room)
    for by_permission, expected in ((True, "not_ready"), (False, "unavailable")):
        result = host.call("add", {"left": 1}, timeout_ms=20, by_permission=by_permission)
        outcome = Outcome.HELD if by_permission else Outcome.FAILED
        assert said(result) == (outcome, expected)


def test_what_can_never_be_made_begins_and_fails() -> None:
    host = Host(samples.add, samples.sends)
    assert said(host.call("add", {"left": "two"})) == (Outcome.FAILED, "invalid_arguments")
    assert said(host.call("sends")) == (Outcome.FAILED, "denied")


def test_a_call_has_all_its_time_from_the_moment_that_it_is_permitted() -> None:
    host = Host(samples.naps)
    work = host.work("naps", {"seconds": 0.01}, timeout_ms=150)
    result = asyncio.run(host.acall(work, pause_s=0.3))
    assert result.outcome is Outcome.SUCCEEDED


def test_a_tool_that_loses_its_connection_again_and_again_is_left_alone() -> None:
    host = Host(samples.loses_the_connection, samples.add)
    for _ in range(5):
        assert said(host.call("loses_the_connection")) == (Outcome.FAILED, "tool_error")
    held = host.call("loses_the_connection")
    assert said(held) == (Outcome.HELD, "circuit_open")
    assert nothing_done(held)
    assert held.error is not None
    assert held.error.retry_after_ms == 30_000
    # Other tools go on, and so do runs that know of no held calls.
    assert host.call("add", {"left": 1}).outcome is Outcome.SUCCEEDED
    legacy = host.call("loses_the_connection", by_permission=False)
    assert said(legacy) == (Outcome.FAILED, "tool_error")


def test_a_tool_that_answers_its_trial_is_used_again() -> None:
    host = Host(samples.loses_the_connection)
    for _ in range(5):
        host.call("loses_the_connection")
    host.now += 30
    work = host.work("loses_the_connection")

    async def trial() -> None:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(host.processor.ready(work))
            held = await host.acall(work)
            assert said(held) == (Outcome.HELD, "circuit_open")
            assert held.error is not None
            assert 5_000 <= (held.error.retry_after_ms or 0) <= 6_000
        # It was not made after all: the next call is the trial.
        assert said(await host.acall(work)) == (Outcome.FAILED, "tool_error")

    asyncio.run(trial())
    assert said(host.call("loses_the_connection")) == (Outcome.HELD, "circuit_open")
    host.now += 30
    found = Found(_answers)
    host.processor._here[host.contracts["loses_the_connection"].implementation] = found
    for _ in range(2):
        assert host.call("loses_the_connection").outcome is Outcome.SUCCEEDED


def test_a_trial_that_the_tool_refuses_shows_that_it_answers() -> None:
    host = Host(samples.loses_the_connection)
    for _ in range(5):
        host.call("loses_the_connection")
    host.now += 30
    found = Found(_refuses)
    host.processor._here[host.contracts["loses_the_connection"].implementation] = found
    for _ in range(2):
        assert said(host.call("loses_the_connection")) == (Outcome.FAILED, "tool_error")


@asynccontextmanager
async def _refuses() -> AsyncIterator[Implementation]:
    async def refused(_arguments: object, _context: object) -> NoReturn:
        raise ValueError("no such order")

    yield refused


@asynccontextmanager
async def _dies() -> AsyncIterator[Implementation]:
    async def died(_arguments: object, _context: object) -> NoReturn:
        raise ToolDiedError("with signal 11", blamed=True)

    yield died


def test_calls_that_end_their_process_do_not_hold_others_of_the_tool() -> None:
    host = Host(samples.loses_the_connection)
    here = host.processor._here
    here[host.contracts["loses_the_connection"].implementation] = Found(_dies)
    for _ in range(6):
        result = host.call("loses_the_connection")
        assert said(result) == (Outcome.FAILED, "process_died")


@asynccontextmanager
async def _answers() -> AsyncIterator[Implementation]:
    yield lambda _arguments, _context: asyncio.sleep(0)


@pytest.mark.parametrize(
    ("tool", "alone"),
    [
        (samples.hangs_again, True),
        # Nobody knows what it did, so a person looks before it is made again.
        (samples.hangs_outside, False),
        (samples.raises, False),
        (samples.refuses, False),
    ],
)
def test_what_counts_against_a_tool_is_what_may_pass(
    tool: Callable[..., Any], *, alone: bool
) -> None:
    host = Host(tool)
    host.claims.away = False
    name = next(iter(host.contracts))
    for number in range(5):
        host.call(name, timeout_ms=5, idempotency_key=f"k{number}")
    last = host.call(name, timeout_ms=5, idempotency_key="last")
    assert (last.outcome is Outcome.HELD) is alone
