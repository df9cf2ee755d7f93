"""Admission on a real broker, with the run processor killed in the middle."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.calls import ModelResult, Outcome
from runfold.events.contents.content import text
from runfold.events.definitions import (
    AgentDefinition,
    ModelChoice,
    ModelScript,
    ScriptTurn,
    SwitchThrown,
)
from runfold.events.records.commands import CancelRun, Control, ExtendRun, RunRequested
from runfold.events.run import Event, RunFailed
from runfold.events.tenant import (
    AdmissionGranted,
    AdmissionReturned,
    Amount,
    ExtensionDeclined,
    LateCostBooked,
    ReservationExtended,
    TenantEvent,
)
from runfold.events.values import Limits
from runfold.processors.definitions.keys import key_of_decision
from runfold.producers.identity import uuid7
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.stack.settings import Settings
from tests.spec import START
from tests.system import oracle
from tests.system.crash.agent import publish_definitions
from tests.system.crash.product import Supervised
from tests.tenant.given import CODEC, TENANT, TENANT_CODEC, F, capped, policy

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(240)]

CAP, RUNS = 2, 12
_ENDS = {"RunCompleted", "RunFailed", "RunCancelled"}


def _definitions() -> list[AgentDefinition | ModelScript | object]:
    turn = ScriptTurn(
        calls=({"name": "complete_task", "arguments": {"summary": "done"}},), delay_ms=300
    )
    return [
        ModelScript(name="slow", version="1.0.0", turns=(turn,)),
        AgentDefinition(
            name="slow",
            version="1.0.0",
            instructions="wait",
            prompt_version="1",
            model=ModelChoice(name="scripted:slow"),
        ),
        capped(CAP),
    ]


def _requests() -> Iterator[RunRequested]:
    for number in range(RUNS):
        yield RunRequested(
            run_id=uuid7(),
            tenant_id=TENANT,
            user_id=f"user-{number % 3}",
            agent="slow",
            goal=text(f"number {number}"),
            requested_at=START,
        )


def _events(settings: Settings) -> list[Event]:
    """The journal up to where it ends now, however much comes meanwhile."""
    read = TopicReader(settings.kafka_config(), CODEC).read(topics.EVENTS)
    return [found.record for found in read if isinstance(found.record, Event)]


def _tenant_events(settings: Settings) -> list[TenantEvent]:
    read = oracle.read_topic(settings, topics.TENANT_EVENTS)
    found = [TENANT_CODEC.decode(topics.TENANT_EVENTS, raw.value) for raw in read]
    return [event for event in found if isinstance(event, TenantEvent)]


def _ends(settings: Settings) -> Counter[str]:
    return Counter(e.meta.run_id for e in _events(settings) if e.type in _ENDS)


def _wait(done: Callable[[], bool], process: Supervised, what: str) -> None:
    until = time.monotonic() + 120
    while not done():
        assert time.monotonic() < until, what
        process.tend()
        time.sleep(0.2)


def test_killed_again_and_again_no_run_is_lost_and_no_place(
    settings: Settings, tmp_path: Path
) -> None:
    publish_definitions(settings, _definitions())  # type: ignore[arg-type]
    process = Supervised(["runfold.processors.run"], settings.to_env(), tmp_path / "runs.log")
    try:
        writer = Publisher(settings.producer_config(), CODEC)
        asked = list(_requests())
        for request in asked:
            writer.publish(topics.REQUESTS, request, request.run_id)
        for ended in (1, 4, 8):
            _wait(lambda: len(_ends(settings)) >= ended, process, f"{ended} have ended")  # noqa: B023
            process.kill()
        wanted = {request.run_id for request in asked}
        _wait(lambda: set(_ends(settings)) == wanted, process, "all have ended")
        _wait(lambda: _running(settings) == 0, process, "the tenant has everybody back")
    finally:
        process.process.kill()
        process.process.wait()
    assert set(_ends(settings).values()) == {1}
    _judge(settings)


def _running(settings: Settings) -> int:
    facts = Counter(type(event.fact) for event in _tenant_events(settings))
    return facts[AdmissionGranted] - facts[AdmissionReturned]


def _judge(settings: Settings) -> None:
    """The tenant's journal by itself: each run once, never too many, and what they cost."""
    running: set[str] = set()
    granted: Counter[str] = Counter()
    cost = Decimal(0)
    for event in _tenant_events(settings):
        match event.fact:
            case AdmissionGranted(admission=admission):
                running.add(admission.asks.run_id)
                granted[admission.asks.run_id] += 1
            case AdmissionReturned(run_id=run_id, used=used):
                running.discard(run_id)
                cost += sum(each.amount for each in used if each.unit == "usd")
            case _:
                pass
        assert len(running) <= CAP
    assert len(granted) == RUNS
    assert set(granted.values()) == {1}
    ends = [event.fact for event in _events(settings) if event.type in _ENDS]
    assert cost == sum((end.exit.usage.cost_usd for end in ends), Decimal(0))  # type: ignore[attr-defined]


def test_a_run_is_extended_and_what_it_costs_late_is_booked_once(
    settings: Settings, tmp_path: Path
) -> None:
    slow = ModelScript(name="slow", version="1.0.0", turns=(ScriptTurn(delay_ms=300_000),))
    budget = {"of": "tenant", "period": "month", "limit": "1.00"}
    rules = policy(budgets=(budget,), run_amounts={"usd": "0.40"})
    publish_definitions(settings, [slow, _definitions()[1], rules])  # type: ignore[list-item]
    process = Supervised(["runfold.processors.run"], settings.to_env(), tmp_path / "runs.log")
    try:
        writer = Publisher(settings.producer_config(), CODEC)
        asked = next(_requests())
        writer.publish(topics.REQUESTS, asked, asked.run_id)
        _wait(lambda: _models_called(settings) > 0, process, "the run has begun")
        for number, usd in enumerate(("0.600000000000", "0.000000000001")):
            more = _said(
                ExtendRun, asked, f"more-{number}", added=(Amount(unit="usd", amount=usd),)
            )
            writer.publish(topics.CONTROLS, more, asked.run_id)
        process.kill()
        _wait(lambda: bool(_facts(settings, ExtensionDeclined)), process, "both are answered")
        writer.publish(topics.CONTROLS, _said(CancelRun, asked, "end"), asked.run_id)
        _wait(lambda: bool(_ends(settings)), process, "the run has ended")
        late = ModelResult(
            run_id=asked.run_id,
            call_id=f"{asked.run_id}.1",
            attempt=1,
            outcome=Outcome.SUCCEEDED,
            model="scripted:slow",
            provider="scripted",
            latency_ms=1,
            cost=Decimal("0.070000000001"),
            tenant_id=TENANT,
        )
        writer.publish(topics.RESULTS, late, asked.run_id)
        writer.publish(topics.RESULTS, late, asked.run_id)
        process.kill()
        _wait(lambda: bool(_facts(settings, LateCostBooked)), process, "the cost is booked")
        # Whoever asks after the repeat is answered after it.
        then = next(_requests())
        writer.publish(topics.REQUESTS, then, then.run_id)
        _wait(lambda: len(_facts(settings, AdmissionGranted)) > 1, process, "the next has begun")
    finally:
        process.process.kill()
        process.process.wait()
    (extended,) = _facts(settings, ReservationExtended)
    assert [each.amount for each in extended.reserved] == [Decimal(1)]
    (booked,) = _facts(settings, LateCostBooked)
    assert [book.used for book in booked.books] == [Decimal("0.070000000001")]


def _said(kind: type[Control], asked: RunRequested, name: str, **fields: object) -> Control:
    head = {"request_id": name, "run_id": asked.run_id, "tenant_id": TENANT, "actor_id": "ann"}
    return kind.model_validate({**head, "requested_at": START, **fields})


def _facts(settings: Settings, kind: type[F]) -> list[F]:
    return [e.fact for e in _tenant_events(settings) if isinstance(e.fact, kind)]


_UNBOUNDED = {
    "max_malformed": 600,
    "limits": Limits(max_model_calls=600, max_tool_calls=600, max_reflections=600),
}


def test_a_switch_stops_a_live_run_at_its_next_call(settings: Settings, tmp_path: Path) -> None:
    step = {"steps": [{"id": "1", "description": "go on", "status": "pending"}]}
    turns = tuple(
        ScriptTurn(calls=({"name": "update_plan", "arguments": {**step, "n": n}},), delay_ms=200)
        for n in range(600)
    )
    agent = _definitions()[1]
    assert isinstance(agent, AgentDefinition)
    script = ModelScript(name="slow", version="1.0.0", turns=turns)
    publish_definitions(settings, [script, agent.model_copy(update=_UNBOUNDED)])
    process = Supervised(["runfold.processors.run"], settings.to_env(), tmp_path / "runs.log")
    try:
        writer = Publisher(settings.producer_config(), CODEC)
        asked = next(_requests())
        writer.publish(topics.REQUESTS, asked, asked.run_id)
        _wait(lambda: _models_called(settings) > 1, process, "the run goes on")
        switch = SwitchThrown(
            kind="agent",
            name="slow",
            tenant=None,
            stopped=True,
            reason="enough",
            decided_at=START,
            decided_by="ann",
        )
        writer.publish(topics.REGISTRY, switch, key_of_decision(switch))
        _wait(lambda: bool(_ends(settings)), process, "the run has ended")
    finally:
        process.process.kill()
        process.process.wait()
    (end,) = [event.fact for event in _events(settings) if event.type in _ENDS]
    assert isinstance(end, RunFailed)
    assert end.error.error_type == "stopped"


def _models_called(settings: Settings) -> int:
    return sum(event.type == "ModelCalled" for event in _events(settings))
