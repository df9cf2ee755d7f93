"""A journal that has lost something: its lane stops, and goes on where an operator accepts it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from runfold.events import topics
from runfold.events.records.operations import DeadLetter, PositionNoted, RestorePoint
from runfold.events.topics import TOPICS
from runfold.events.values import Position
from runfold.processors.definitions.fixed import FixedDefinitions, definitions_of
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.rebuild import Rebuild
from runfold.processors.engine.kafka.lane_context import LaneState
from runfold.processors.engine.kafka.restoring.lost_journal import (
    CODE,
    Accepted,
    accept_lost_journal,
)
from runfold.processors.engine.kafka.runner import Engine
from runfold.processors.engine.ports import NoEffects
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.state import RunState
from runfold.producers.identity import uuid7
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.producers.log.partitioner import partition_for
from runfold.stack.settings import Settings
from tests.engine.lab import Lab
from tests.engine.toys import topics as toys
from tests.engine.toys.inputs import CODEC as TOYS
from tests.engine.toys.job import JOBS
from tests.engine.toys.job import request as job
from tests.support.builders.history import CODEC
from tests.support.stack import fresh_topics, wait_until
from tests.system.crash.agent import definitions, request

JOURNAL = tuple(topic for topic in TOPICS if topic.name == topics.EVENTS)


def test_what_lacks_its_beginning_is_lost_only_where_that_was_accepted() -> None:
    lab = Lab()
    lab.take(job("job-1", placement="pool"))
    entries = lab.entries(toys.EVENTS)
    accepting = Rebuild(JOBS, TOYS, accepts=True)
    for entry in entries[1:]:
        accepting.journal(entry.offset, entry.key, entry.value or b"")
    assert accepting.finish().live == {}
    assert accepting.lost == {"job-1"} == accepting.seen
    later = Rebuild(JOBS, TOYS)
    later.progress.take([Position(topic=f"lost {toys.EVENTS}", partition=0, offset=99)], "")
    for entry in entries[1:]:
        later.journal(entry.offset, entry.key, entry.value or b"")
    assert later.finish().live == {}


class Silent(NoEffects):
    """Effects that never answer."""

    def submit_many(self, *_: object) -> None:
        """Take the calls."""


@pytest.fixture
def known(tmp_path: Path) -> FixedDefinitions:
    return FixedDefinitions(definitions_of(definitions(tmp_path)))


def config(settings: Settings) -> EngineConfig:
    kafka = settings.kafka_config()
    return EngineConfig(kafka, settings.partitions, fixed=(0,), hint_every=0.1, tidy_every=0.1)


@contextmanager
def engine(settings: Settings, known: FixedDefinitions) -> Iterator[Engine[RunState]]:
    made = Engine(config(settings), RUNS, CODEC, known, Silent())
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        thread.join()


def ask(settings: Settings) -> str:
    """Request a run that lives on the first partition, and stays with its first call."""
    while partition_for((run := uuid7()).encode(), settings.partitions) != 0:
        pass
    Publisher(settings.producer_config(), CODEC).publish(topics.REQUESTS, request(run_id=run), run)
    return run


def places(settings: Settings, run: str) -> list[int]:
    found = TopicReader(settings.kafka_config(), CODEC).read(topics.EVENTS)
    return [each.place.offset for each in found if each.key == run.encode()]


def accept(settings: Settings, known: FixedDefinitions, *believed: str) -> list[Accepted]:
    return accept_lost_journal(config(settings), RUNS, CODEC, known, [0], lambda _: set(believed))


def letters(settings: Settings) -> set[str]:
    found = TopicReader(settings.kafka_config(), CODEC).read(topics.DEAD_LETTERS)
    return {
        (each.record.key or b"").decode()
        for each in found
        if isinstance(each.record, DeadLetter) and each.record.code == CODE
    }


def went_to(settings: Settings) -> int:
    """How far the journal went, as the newest restore point says."""
    found = [
        each.offset
        for point in TopicReader(settings.kafka_config(), CODEC).read(topics.RESTORE)
        if isinstance(point.record, RestorePoint)
        for each in point.record.positions
        if each.topic == f"end {topics.EVENTS}"
    ]
    return found[-1] if found else 0


@pytest.mark.integration
def test_a_lost_beginning_is_accepted_on_record_and_the_rest_goes_on(
    settings: Settings, known: FixedDefinitions
) -> None:
    with engine(settings, known):
        lost = ask(settings)
        wait_until(lambda: len(places(settings, lost)) > 3)
        whole = ask(settings)
        wait_until(lambda: len(places(settings, whole)) > 3)
    admin = AdminClient({**settings.kafka_config(), "log_level": 0})
    gone = [TopicPartition(topics.EVENTS, 0, places(settings, lost)[1])]
    for future in admin.delete_records(gone).values():
        future.result()
    with engine(settings, known) as broken:
        wait_until(lambda: broken.lanes().get(0) is LaneState.BROKEN)
        assert "--accept-lost-journal" in broken._lanes[0].why
    (accepted,) = accept(settings, known, "ghost", whole)
    assert set(accepted.lost) == {lost, "ghost"}
    assert letters(settings) == {lost, "ghost"}
    assert accept(settings, known) == []
    notes = [
        each.record.reason
        for each in TopicReader(settings.kafka_config(), CODEC).read(topics.EVENTS)
        if isinstance(each.record, PositionNoted)
    ]
    assert any("an operator accepts what is gone: 2 that lived are lost" in each for each in notes)
    with engine(settings, known) as again:
        wait_until(lambda: again.lanes().get(0) is LaneState.RUNNING)
        assert set(again._lanes[0]._partition_state.live) == {whole}


@pytest.mark.integration
def test_a_running_lane_notices_that_its_journal_is_cut(
    settings: Settings, known: FixedDefinitions
) -> None:
    with engine(settings, known) as running:
        run = ask(settings)
        wait_until(lambda: len(places(settings, run)) > 3)
        wait_until(lambda: running._lanes[0].reach[1] > places(settings, run)[-1])
        watch = running.watch_journal(0.2)
        watch.start()
        admin = AdminClient({**settings.kafka_config(), "log_level": 0})
        gone = [TopicPartition(topics.EVENTS, 0, places(settings, run)[2])]
        for future in admin.delete_records(gone).values():
            future.result()
        wait_until(lambda: running.lanes()[0] is LaneState.BROKEN)
        watch.stop()
        watch.join()
        assert "runs.events/0 begins at offset" in running._lanes[0].why


@pytest.mark.integration
def test_a_journal_that_was_made_anew_is_noticed_though_nothing_lived_in_it(
    settings: Settings, known: FixedDefinitions
) -> None:
    with engine(settings, known):
        run = ask(settings)
        wait_until(lambda: len(places(settings, run)) > 3)
        wait_until(lambda: went_to(settings) > places(settings, run)[-1])
    fresh_topics(settings, JOURNAL)
    with engine(settings, known) as broken:
        wait_until(lambda: broken.lanes().get(0) is LaneState.BROKEN)
        assert "the lane knows that runs.events/0 went on to" in broken._lanes[0].why
    (accepted,) = accept(settings, known, run)
    assert accepted.lost == (run,)
    with engine(settings, known) as again:
        wait_until(lambda: again.lanes().get(0) is LaneState.RUNNING)
        # The request that was decided is not decided again.
        assert again._lanes[0]._partition_state.live == {}
