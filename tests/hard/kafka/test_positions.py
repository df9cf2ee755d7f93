"""A remembered offset belongs to one topic: that of another of the same name is noticed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from runfold.events import topics
from runfold.events.definitions import Definitions
from runfold.events.records.operations import DeadLetter, PositionNoted
from runfold.events.topics import TOPICS
from runfold.events.values import Position
from runfold.processors.definitions.fixed import FixedDefinitions
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.history import BrokenChain
from runfold.processors.engine.core.progress import Progress
from runfold.processors.engine.kafka.lane_context import LaneState
from runfold.processors.engine.kafka.restoring.new_inputs import take_new_inputs
from runfold.processors.engine.kafka.restoring.strange_inputs import strange
from runfold.processors.engine.kafka.restoring.whole import need_end
from runfold.processors.engine.kafka.runner import Engine
from runfold.processors.engine.ports import NoEffects
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.state import RunState
from runfold.producers.log.kafka import TopicReader
from runfold.producers.log.topics.remembered import Fit, Now, Remembered, judge, told
from runfold.producers.log.topics.topic_ids import TopicIdWatch, topic_ids
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
    now = {T: Now("a", 0, 10)}
    found = strange(0, {T: Remembered(offset, noted)}, now)
    assert bool(found) is bad
    for each in found:
        assert f"{T}/0 is decided up to offset {offset}" in each.sentence()
        assert "--take-new-inputs" in each.sentence()
        # Noted so, it is no longer strange, and replaces what was noted before.
        assert each.new_id() != noted
        assert strange(0, {T: Remembered(3, each.new_id())}, now) == []


@pytest.mark.parametrize(
    ("offset", "noted", "fit"),
    [
        (5, "a", Fit.FITS),
        (10, "", Fit.FITS),
        (11, "a", Fit.LOST_END),
        (11, "b", Fit.OTHER_TOPIC),
        (3, "a", Fit.LOST_START),
        (3, "b", Fit.OTHER_TOPIC),
        (0, "b", Fit.LOST_START),
        (5, "a~7", Fit.FITS),
    ],
)
def test_one_function_judges_every_position(offset: int, noted: str, fit: Fit) -> None:
    now = Now("a", 4, 10)
    assert judge(Remembered(offset, noted), now) is fit
    assert {
        Fit.FITS: "goes on",
        Fit.LOST_END: "ends at 10",
        Fit.LOST_START: "begins at 4",
        Fit.OTHER_TOPIC: "with the id b",
    }[fit] in told((T, 0), Remembered(offset, noted), now)


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
    # Only what was written to is made anew.
    journal.put(servers.bootstrap_servers, T, 0, b"anything")
    fresh_topics(servers.settings, INPUTS)
    wait_until(lambda: bool(said))
    watch.join()
    assert said == [f"the topic {T} was deleted and created again"]
    assert topic_ids(kafka, [T]) != before


def delete_before(settings: Settings, topic: str, offset: int) -> None:
    admin = AdminClient({**settings.kafka_config(), "log_level": 0})
    for future in admin.delete_records([TopicPartition(topic, 0, offset)]).values():
        future.result()


def codes(settings: Settings) -> list[tuple[str, int, str]]:
    reader = TopicReader(settings.kafka_config(), CODEC)
    found = [each.record for each in reader.read(topics.DEAD_LETTERS)]
    return [(each.code, each.offset, each.reason) for each in found if isinstance(each, DeadLetter)]


@pytest.mark.integration
def test_inputs_that_were_deleted_unread_are_passed_by_on_record(settings: Settings) -> None:
    batches(settings, T, 0, garbage("old", 3))
    with engine(settings):
        wait_until(lambda: len(letters(settings)) == 3)
    batches(settings, T, 0, garbage("gone", 4), garbage("kept", 2))
    delete_before(settings, T, 7)
    with engine(settings):
        wait_until(lambda: len(letters(settings)) == 6)
    (found,) = [each for each in codes(settings) if each[0] == "deleted_unread"]
    assert found == ("deleted_unread", 3, "the offsets 3 to 6 were deleted before they were read")
    assert [each for each in letters(settings) if each and b"kept" in each] == garbage("kept", 2)
    with engine(settings) as again:
        wait_until(lambda: again.lanes().get(0) is LaneState.RUNNING)
    assert len(letters(settings)) == 6


@pytest.mark.integration
def test_a_running_lane_notices_that_inputs_were_deleted_unread(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches(settings, T, 0, garbage("old", 3))
    with engine(settings) as running:
        wait_until(lambda: len(letters(settings)) == 3)
        # Nothing is fetched while what is next is deleted.
        running._dispatcher._do(lambda: running._dispatcher._consumer.pause([(T, 0)]))
        monkeypatch.setattr(running._dispatcher, "_balance", lambda: None)
        batches(settings, T, 0, garbage("gone", 4), garbage("kept", 2))
        delete_before(settings, T, 7)
        running._dispatcher._do(lambda: running._dispatcher._consumer.resume([(T, 0)]))
        wait_until(lambda: len(letters(settings)) == 6)
    assert [each[0] for each in codes(settings)].count("deleted_unread") == 1


@pytest.mark.integration
def test_a_journal_that_lost_its_end_is_not_gone_on_with(settings: Settings) -> None:
    batches(settings, T, 0, garbage("old", 6))
    with engine(settings):
        wait_until(
            lambda: bool(list(TopicReader(settings.kafka_config(), CODEC).read(topics.RESTORE)))
        )
    fresh_topics(settings, (JOURNAL,))
    with engine(settings) as broken:
        wait_until(lambda: broken.lanes().get(0) is LaneState.BROKEN)
        assert "the lane knows that runs.events/0 went on to" in broken._lanes[0].why


def test_a_commit_below_what_was_there_is_noticed() -> None:
    need_end(topics.EVENTS, 0, 7, 7)
    need_end(topics.EVENTS, 0, None, 7)
    with pytest.raises(BrokenChain, match="has lost its end"):
        need_end(topics.EVENTS, 0, 6, 7)
