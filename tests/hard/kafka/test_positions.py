"""A remembered offset belongs to one topic: that of another of the same name is noticed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runfold.events import topics
from runfold.events.definitions import Definitions
from runfold.events.operations import DeadLetter, PositionNoted
from runfold.events.topics import TOPICS
from runfold.events.values import Position
from runfold.processors.definitions.fixed import FixedDefinitions
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.progress import Progress
from runfold.processors.engine.kafka.lane_context import LaneState
from runfold.processors.engine.kafka.new_inputs import take_new_inputs
from runfold.processors.engine.kafka.runner import Engine
from runfold.processors.engine.kafka.strange_inputs import strange
from runfold.processors.engine.ports import NoEffects
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.state import RunState
from runfold.producers.log.kafka import TopicReader
from runfold.producers.log.topic_ids import TopicIdWatch, topic_ids
from runfold.projections import schema
from runfold.stack.settings import Settings
from runfold.surfaces.cli.faults import explained
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.examination import examine
from runfold.surfaces.doctor.finding import Level
from tests.hard.kafka.segments import batches
from tests.projections.running import projector, wait_caught_up
from tests.support import journal
from tests.support.builders.history import CODEC, History
from tests.support.stack import Servers, fresh_topics, wait_until

T = topics.REQUESTS
INPUTS = tuple(topic for topic in TOPICS if topic.name == T)
JOURNAL = next(topic for topic in TOPICS if topic.name == topics.EVENTS)
KNOWN = FixedDefinitions(Definitions())


def at(offset: int, topic_id: str = "") -> Position:
    return Position(topic=T, partition=0, offset=offset, topic_id=topic_id)


def after(*noted: Position) -> Progress:
    progress = Progress()
    progress.take(noted, topics.EVENTS)
    return progress


def test_positions_of_one_topic_only_grow_and_those_of_another_begin_anew() -> None:
    assert after(at(5), at(7), at(6)).positions == {T: 7}
    assert after(at(7), at(8, "a"), at(6, "a")).positions == {T: 8}
    assert after(at(8, "a"), at(0, "b"), at(2, "b")).positions == {T: 2}
    progress = after(at(8, "a"), at(3, "b"))
    assert progress.noted(0, topics.EVENTS) == (at(3, "b"),)
    assert progress.copy() == progress


@pytest.mark.parametrize(
    ("offset", "noted", "bad"),
    [
        (9, "a", False),
        (9, "", False),
        (0, "b", False),
        (9, "b", True),
        (11, "a", True),
        (11, "", True),
        (9, "a~7", False),
    ],
)
def test_a_position_is_held_against_the_topic_of_now(offset: int, noted: str, bad: bool) -> None:
    found = strange(0, {T: offset}, {T: noted}, {T: "a"}, {T: 10})
    assert bool(found) is bad
    for each in found:
        assert f"{T}/0 is decided up to offset {offset}" in each.sentence()
        assert "--take-new-inputs" in each.sentence()
        # Noted so, it is no longer strange, and replaces what was noted before.
        assert each.new_id() != noted
        assert strange(0, {T: 3}, {T: each.new_id()}, {T: "a"}, {T: 10}) == []


@contextmanager
def engine(settings: Settings) -> Iterator[Engine[RunState]]:
    made = Engine(config(settings), RUNS, CODEC, KNOWN, NoEffects())
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        thread.join()


def config(settings: Settings) -> EngineConfig:
    return EngineConfig(settings.kafka_config(), settings.partitions, fixed=(0,))


def letters(settings: Settings) -> list[bytes | None]:
    reader = TopicReader(settings.kafka_config(), CODEC)
    found = [each.record for each in reader.read(topics.DEAD_LETTERS)]
    return [each.value for each in found if isinstance(each, DeadLetter)]


def garbage(name: str, count: int) -> list[bytes]:
    return [f"{name} {number}".encode() for number in range(count)]


@pytest.mark.integration
@pytest.mark.parametrize("count", [2, 9], ids=["fewer", "more"])
def test_nothing_of_an_input_topic_that_was_made_anew_is_passed_by(
    settings: Settings, count: int
) -> None:
    batches(settings, T, 0, garbage("old", 6))
    with engine(settings):
        wait_until(lambda: len(letters(settings)) == 6)
    fresh_topics(settings, INPUTS)
    batches(settings, T, 0, garbage("new", count))
    with engine(settings) as broken:
        wait_until(lambda: broken.lanes().get(0) is LaneState.BROKEN)
        assert f"{T}/0 is decided up to offset 6" in broken._lanes[0].why
    assert len(letters(settings)) == 6
    taken = take_new_inputs(config(settings), RUNS, CODEC, KNOWN, [0])
    assert [(each.topic, each.position) for each in taken] == [(T, 6)]
    assert take_new_inputs(config(settings), RUNS, CODEC, KNOWN, [0]) == []
    with engine(settings):
        wait_until(lambda: len(letters(settings)) == 6 + count)
    assert sorted(filter(None, letters(settings)))[:count] == garbage("new", count)
    noted = [
        each.record
        for each in TopicReader(settings.kafka_config(), CODEC).read(topics.EVENTS)
        if isinstance(each.record, PositionNoted)
    ]
    assert any("an operator says" in each.reason for each in noted)
    # And it stays so: the next start finds nothing strange.
    with engine(settings) as again:
        wait_until(lambda: again.lanes().get(0) is LaneState.RUNNING)
    assert len(letters(settings)) == 6 + count


@pytest.mark.integration
@pytest.mark.parametrize("topic", RUNS.topics.inputs)
def test_a_lane_opens_again_on_the_inputs_that_it_had(settings: Settings, topic: str) -> None:
    batches(settings, topic, 0, garbage("old", 3))
    with engine(settings):
        wait_until(lambda: len(letters(settings)) == 3)
    with engine(settings) as again:
        wait_until(lambda: again.lanes().get(0) is LaneState.RUNNING)


@pytest.mark.integration
def test_the_doctor_names_positions_of_another_topic(settings: Settings) -> None:
    schema.ensure(settings.database_url)
    batches(settings, T, 0, garbage("old", 6))
    reader = TopicReader(settings.kafka_config(), CODEC)
    with engine(settings):
        wait_until(lambda: bool(list(reader.read(topics.RESTORE))))
    journal.write(settings.bootstrap_servers, [History("run", partition=1).created()])
    with projector(settings):
        wait_caught_up(settings)
    fresh_topics(settings, (*INPUTS, JOURNAL))
    database = schema.engine(settings.database_url)
    deployment = Deployment(
        kafka={name: str(value) for name, value in settings.kafka_config().items()},
        reader=reader,
        engine=database,
        home=settings.home,
    )
    findings = [each for each in examine(deployment, explained) if each.check == "positions"]
    database.dispose()
    found, *views = [each for each in findings if each.level is Level.WRONG]
    assert any("the views have seen runs.events/1 up to offset" in each.what for each in views)
    assert f"{T}/0 is decided up to offset 6" in found.what
    assert "--take-new-inputs" in found.todo


@pytest.mark.integration
def test_a_running_process_notices_that_a_topic_was_made_anew(servers: Servers) -> None:
    kafka, said = servers.settings.kafka_config(), list[str]()
    fresh_topics(servers.settings)
    before = topic_ids(kafka, [T])
    watch = TopicIdWatch(kafka, [T], said.append, every_s=0.1)
    watch.start()
    wait_until(lambda: watch.looked)
    assert said == []
    fresh_topics(servers.settings, INPUTS)
    wait_until(lambda: bool(said))
    watch.join()
    assert said == [f"the topic {T} was deleted and created again"]
    assert topic_ids(kafka, [T]) != before
