"""A tenant whose journal is gone knows its runs again, where an operator accepts the loss."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.records.commands import CancelRun
from runfold.events.records.operations import RestorePoint
from runfold.events.tenant import AdmissionAsked, Amount, ExtensionAsked, RunReturned
from runfold.events.topics import TOPICS
from runfold.processors.definitions.fixed import FixedDefinitions, definitions_of
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.progress import Progress
from runfold.processors.engine.kafka.lane_context import LaneState
from runfold.processors.engine.kafka.runner import Engine
from runfold.processors.engine.ports import NoEffects
from runfold.processors.run.accepting import Accepting
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.lifecycle.lost_books import (
    asked_again,
    numbers_of_runs,
    numbers_of_tenants,
    returned_again,
)
from runfold.processors.run.state import RunState
from runfold.processors.tenant.aggregate import TENANTS
from runfold.processors.tenant.state import Tenant
from runfold.producers.identity import uuid7
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.producers.log.partitioner import partition_for
from runfold.stack.settings import Settings
from tests.spec import START
from tests.support.stack import fresh_topics, wait_until
from tests.system.crash.agent import definitions, request
from tests.tenant.given import CODEC, TENANT_CODEC, World, capped

MONTH = {"of": "tenant", "period": "month", "limit": "1.00"}
BOOKS = tuple(topic for topic in TOPICS if topic.name == topics.TENANT_EVENTS)


def test_what_a_tenant_counts_and_has_ended_comes_back_with_what_it_used() -> None:
    world = World.opened(capped(2))
    for number in (1, 2, 3, 4):
        world.ask(number)
    lanes = {number: lane.partition_state for number, lane in enumerate(world.runs)}
    tenants = world.tenants[world.log.partition_of("", world.tenant().tenant_id.encode())]
    for lane in lanes.values():
        for gone in {world.ids[2], world.ids[3]} & lane.live.keys():
            del lane.live[gone]
    told = RunReturned(
        tenant_id=world.tenant().tenant_id,
        run_id=world.ids[2],
        spent=Decimal("0.25"),
        tokens=7,
        tool_calls=1,
    )
    back = list(returned_again(tenants.partition_state, lanes, {told.run_id: told}))
    assert [(each.run_id, each.spent) for each in back] == [
        (world.ids[2], Decimal("0.25")),
        (world.ids[3], Decimal(0)),
    ]


def test_a_run_asks_again_for_what_more_it_waits_for() -> None:
    world = World.opened(capped(2, run_amounts={"usd": "0.40"}, budgets=(MONTH,)))
    world.ask(1)
    lanes = {number: lane.partition_state for number, lane in enumerate(world.runs)}
    world.tenants.clear()
    world.extend(1, usd="0.10")
    admission, more = asked_again(lanes)
    assert isinstance(admission, AdmissionAsked)
    assert admission.asks.max_cost == Decimal("0.40")
    assert isinstance(more, ExtensionAsked)
    assert (more.extension_id, more.added) == (
        "more-1",
        (Amount(unit="usd", amount=Decimal("0.10")),),
    )


def test_a_lane_of_runs_numbers_behind_what_tenants_took() -> None:
    world = World.opened(capped(2))
    world.ask(1)
    tenants = {number: lane.partition_state for number, lane in enumerate(world.tenants)}
    forgotten = [Progress() for _ in world.runs]
    for number, progress in enumerate(forgotten):
        numbers_of_runs(number, progress, tenants, {})
    sent = [lane.partition_state.progress.sent for lane in world.runs]
    assert [progress.sent for progress in forgotten] == sent
    assert any(sent)


def test_a_lane_of_tenants_numbers_behind_what_runs_took_and_takes_what_they_sent() -> None:
    world = World.opened(capped(2))
    world.ask(1)
    world.finish(1)
    runs = {number: lane.partition_state for number, lane in enumerate(world.runs)}
    forgotten = [Progress() for _ in world.tenants]
    for number, progress in enumerate(forgotten):
        numbers_of_tenants(number, progress, runs)
    known = [lane.partition_state.progress for lane in world.tenants]
    assert [progress.sent for progress in forgotten] == [each.sent for each in known]
    assert [progress.heard for progress in forgotten] == [each.heard for each in known]
    assert any(each.heard for each in known)


class Silent(NoEffects):
    """Effects that never answer."""

    def submit_many(self, *_: object) -> None:
        """Take the calls."""


def config(settings: Settings) -> EngineConfig:
    every = tuple(range(settings.partitions))
    kafka = settings.kafka_config()
    return EngineConfig(kafka, settings.partitions, fixed=every, hint_every=0.1, tidy_every=0.1)


@contextmanager
def engines(
    settings: Settings, known: FixedDefinitions
) -> Iterator[tuple[Engine[RunState], Engine[Tenant]]]:
    runs = Engine(config(settings), RUNS, CODEC, known, Silent())
    tenants = Engine(config(settings), TENANTS, TENANT_CODEC, known, NoEffects())
    threads = [threading.Thread(target=each.run) for each in (runs, tenants)]
    for thread in threads:
        thread.start()
    try:
        yield runs, tenants
    finally:
        runs.stop()
        tenants.stop()
        for thread in threads:
            thread.join()


def counted(engine: Engine[Tenant]) -> tuple[set[str], list[str]]:
    """Who runs and who waits at the one tenant there is."""
    for lane in list(engine._lanes.values()):
        opened = getattr(lane, "_partition_state", None)
        for tracked in list(opened.live.values()) if opened else ():
            state = tracked.state
            return set(state.running), [each.asks.run_id for each in state.waiting]
    return set(), []


@pytest.mark.integration
def test_runs_that_live_ask_a_tenant_again_that_lost_its_journal(
    settings: Settings, tmp_path: Path
) -> None:
    known = FixedDefinitions(definitions_of([*definitions(tmp_path), capped(1)]))
    writer = Publisher(settings.producer_config(), CODEC)
    asked = [request(run_id=uuid7()) for _ in range(3)]
    with engines(settings, known) as (_runs, tenants):
        for each in asked:
            writer.publish(topics.REQUESTS, each, each.run_id)
        wait_until(lambda: len(counted(tenants)[1]) == 2)
        wait_until(lambda: _noted_end(settings))
    fresh_topics(settings, BOOKS)
    number = partition_for(asked[0].tenant_id.encode(), settings.partitions)
    with engines(settings, known) as (_runs, tenants):
        wait_until(lambda: tenants.lanes().get(number) is LaneState.BROKEN)
        assert "--accept-lost-journal" in tenants._lanes[number].why
    accepting = Accepting(config(settings), CODEC, TENANT_CODEC, known, list)
    assert [each.fault.partition for each in accepting.all()] == [number]
    assert accepting.all() == []
    with engines(settings, known) as (_runs, tenants):
        wait_until(lambda: len(counted(tenants)[0]) + len(counted(tenants)[1]) == 3)
        for place in range(3):
            # Whoever the tenant takes for running makes room for the next, and no message is lost.
            (runs_now,) = counted(tenants)[0]
            cancel = CancelRun(
                request_id=f"cancel-{place}",
                run_id=runs_now,
                tenant_id=asked[0].tenant_id,
                actor_id="ann",
                requested_at=START,
                reason="enough",
            )
            writer.publish(topics.CONTROLS, cancel, runs_now)
            wait_until(lambda: runs_now not in counted(tenants)[0])  # noqa: B023
            if place < 2:
                wait_until(lambda: bool(counted(tenants)[0]))
        wait_until(lambda: counted(tenants) == (set(), []))


def _noted_end(settings: Settings) -> bool:
    found = TopicReader(settings.kafka_config(), CODEC).read(topics.TENANT_RESTORE)
    return any(
        each.topic == f"end {topics.TENANT_EVENTS}" and each.offset > 0
        for point in found
        if isinstance(point.record, RestorePoint)
        for each in point.record.positions
    )
