"""A batch that nobody can read is passed by on inputs, and is never taken for silence elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest

from runfold.events import topics
from runfold.events.calls import ToolWork
from runfold.events.contents.content import json_content
from runfold.events.definitions import Definitions
from runfold.events.records.operations import DeadLetter
from runfold.processors.definitions.fixed import FixedDefinitions
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.batch import BatchDecider
from runfold.processors.engine.core.inputs import Received
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.kafka.inputs.inbox import Inbox
from runfold.processors.engine.kafka.inputs.input_router import InputRouter
from runfold.processors.engine.kafka.lane_context import LaneState
from runfold.processors.engine.kafka.restoring.partition_reader import PartitionReader
from runfold.processors.engine.kafka.runner import Engine
from runfold.processors.engine.ports import NoEffects
from runfold.processors.run.aggregate import RUNS
from runfold.producers.errors import UnreadableError
from runfold.producers.log.kafka import TopicReader
from runfold.producers.log.kafka_tail import KafkaTail
from runfold.producers.log.stalls import KafkaLook
from runfold.producers.log.unreadable import end_of_batch
from runfold.projections import schema
from runfold.stack.settings import Settings
from runfold.surfaces.cli.faults import explained
from runfold.surfaces.doctor.deployment import Deployment, Limits
from runfold.surfaces.doctor.examination import examine
from runfold.surfaces.doctor.finding import Level
from tests.effects import pools
from tests.effects.given import tool_work
from tests.hard.kafka.segments import (
    KINDS,
    batches,
    flip_a_bit,
    of_the_future,
    spoil,
    spoil_compression,
)
from tests.projections.running import ask, projector
from tests.spec import START
from tests.support import journal
from tests.support.builders.history import CODEC, History
from tests.support.stack import Servers, wait_until

pytestmark = pytest.mark.integration

Damage = Callable[[bytearray], None]
PLACE = (topics.CONTROLS, 0)
OTHER = (topics.CONTROLS, 1)


def values(start: int, end: int) -> list[bytes]:
    return [b"some text %d" % number * 20 for number in range(start, end)]


@pytest.fixture(params=KINDS, ids=lambda how: how.__name__)
def damaged(request: pytest.FixtureRequest, servers: Servers, settings: Settings) -> Settings:
    """Offsets 5 to 16 of one partition are a batch that cannot be read; another one is sound."""
    batches(settings, *PLACE, values(0, 5), values(5, 17), values(17, 20))
    batches(settings, *OTHER, values(0, 3))
    spoil(servers, *PLACE, 5, request.param)
    return settings


def taken(tail: KafkaTail, seconds: float = 20.0) -> Iterator[tuple[str, int, int]]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        portion = tail.take(100, 0.1)
        for record in portion.records:
            yield record.topic() or "", record.partition() or 0, record.offset() or 0


def test_a_tail_hands_out_what_is_before_and_then_says_where_it_ends(damaged: Settings) -> None:
    found = []
    with closing(KafkaTail(damaged.kafka_config(), {PLACE: 0})) as tail:
        with pytest.raises(UnreadableError, match=r"runs\.controls/0 .* at offset 5") as caught:
            found.extend(taken(tail))
        with pytest.raises(UnreadableError):
            tail.take(1, 0)
    assert found == [(*PLACE, offset) for offset in range(5)]
    assert (caught.value.place, caught.value.offset) == (PLACE, 5)
    assert end_of_batch(damaged.kafka_config(), caught.value) == 17


def test_a_record_format_to_come_is_none_to_wait_for(servers: Servers, settings: Settings) -> None:
    batches(settings, *PLACE, values(0, 5), values(5, 17))
    spoil(servers, *PLACE, 5, of_the_future)
    with (
        closing(KafkaTail(settings.kafka_config(), {PLACE: 0})) as tail,
        pytest.raises(UnreadableError, match="at offset 5"),
    ):
        list(taken(tail))


def test_a_tail_that_sets_places_aside_goes_on_with_the_others(damaged: Settings) -> None:
    aside: list[UnreadableError] = []
    found: list[tuple[str, int, int]] = []
    starts = {PLACE: 3, OTHER: 0}
    with closing(KafkaTail(damaged.kafka_config(), starts, aside=aside.append)) as tail:
        reading = taken(tail)
        while len(found) < 5 or not aside:
            found.append(next(reading))
        batches(damaged, *OTHER, values(3, 4))
        assert next(reading) == (*OTHER, 3)
    assert sorted(found) == [(*PLACE, 3), (*PLACE, 4), (*OTHER, 0), (*OTHER, 1), (*OTHER, 2)]
    assert [one.offset for one in aside] == [5]


def test_a_batch_that_can_be_read_after_all_is_not_passed_by(settings: Settings) -> None:
    batches(settings, *PLACE, values(0, 5))
    assert end_of_batch(settings.kafka_config(), UnreadableError(PLACE, 0, "a bad wire")) == 0


def test_whoever_reads_to_the_end_hears_of_it(damaged: Settings) -> None:
    with pytest.raises(UnreadableError, match="at offset 5"):
        list(TopicReader(damaged.kafka_config(), CODEC).read(topics.CONTROLS))


def test_a_range_that_ends_before_it_is_read(damaged: Settings) -> None:
    config = EngineConfig(damaged.kafka_config(), damaged.partitions)
    with closing(PartitionReader(config, lambda: None)) as reader:
        assert sum(map(len, reader.read(*PLACE, 0, 5))) == 5
        with pytest.raises(UnreadableError, match="at offset 5"):
            list(reader.read(*PLACE, 0, 20))


def test_a_stall_watch_does_not_take_it_for_a_stall(damaged: Settings) -> None:
    until = time.monotonic() + 20
    look = KafkaLook(damaged.kafka_config())
    found = look.firsts({PLACE: 5, OTHER: 1}, lambda: time.monotonic() > until)
    assert found == {OTHER: 1}


def test_inputs_behind_it_are_taken(damaged: Settings) -> None:
    inbox, other = Inbox(), Inbox()
    config = EngineConfig(damaged.kafka_config(), damaged.partitions)
    router = InputRouter(config, (topics.CONTROLS,), "positions")
    router.start()
    try:
        router.add(0, inbox, {})
        router.add(1, other, {})
        wait_until(lambda: len(inbox) >= 9 and len(other) == 3)
        wait_until(lambda: dict(router.reading()) == {PLACE: 20, OTHER: 3})
        # A lane that is opened again in the middle of it goes on from there.
        again = Inbox()
        router.add(0, again, {topics.CONTROLS: 9})
        wait_until(lambda: len(again) >= 4)
    finally:
        router.stop()
    items = inbox.take(0, 100, 10**9)
    assert all(isinstance(item, Received) for item in items)
    assert [item.offset for item in items if isinstance(item, Received)] == [
        *range(5),
        5,
        *range(17, 20),
    ]
    batch = BatchDecider(RUNS, CODEC, FixedDefinitions(Definitions()), 0).take(
        [item for item in items if isinstance(item, Received) and item.offset == 5],
        PartitionState(),
        START,
    )
    assert batch.positions[topics.CONTROLS] == 17
    (letter,) = [CODEC.decode(topics.DEAD_LETTERS, m.value) for m in batch.others]
    assert isinstance(letter, DeadLetter)
    assert (letter.code, letter.offset, letter.partition) == ("unreadable_batch", 5, 0)
    assert "offsets 5 to 16" in letter.reason
    first = again.take(0, 100, 10**9)[0]
    assert isinstance(first, Received)
    assert (first.offset, first.next_offset) == (9, 17)


def test_a_pool_passes_it_by_and_commits_behind_it(servers: Servers, settings: Settings) -> None:
    calls = [naps(number) for number in range(7)]
    works = [CODEC.encode(topics.TOOL_CALLS, call) for call in calls]
    batches(settings, topics.TOOL_CALLS, 0, works[:1], works[1:6], works[6:])
    spoil(servers, topics.TOOL_CALLS, 0, 1, spoil_compression)
    with pools.bench(settings) as bench:
        bench.start()
        assert len(bench.results_of([calls[0], calls[6]])) == 2
        (letter,) = bench.dead_letters(1)
        assert isinstance(letter, DeadLetter)
        assert (letter.topic, letter.offset) == (topics.TOOL_CALLS, 1)
        assert letter.code == "unreadable_batch"
        assert "offsets 1 to 5" in letter.reason
        wait_until(lambda: bench.committed() == 7)


def test_a_lane_whose_journal_cannot_be_read_ends_and_the_others_go_on(
    servers: Servers, settings: Settings
) -> None:
    batches(settings, topics.EVENTS, 1, values(0, 4))
    spoil(servers, topics.EVENTS, 1, 0, flip_a_bit)
    config = EngineConfig(settings.kafka_config(), settings.partitions, fixed=(0, 1))
    engine = Engine(config, RUNS, CODEC, FixedDefinitions(Definitions()), NoEffects())
    thread = threading.Thread(target=engine.run)
    thread.start()
    try:
        wait_until(lambda: engine.lanes().get(1) is LaneState.BROKEN)
        wait_until(lambda: engine.lanes() == {0: LaneState.RUNNING, 1: LaneState.BROKEN})
        assert "runs.events/1 cannot be read at offset 0" in engine._lanes[1].why
    finally:
        engine.stop()
        thread.join()


def test_views_of_the_other_partitions_go_on_and_the_doctor_says_which_lacks(
    servers: Servers, settings: Settings
) -> None:
    batches(settings, topics.EVENTS, 1, values(0, 4))
    spoil(servers, topics.EVENTS, 1, 0, spoil_compression)
    good = History("good", partition=0).created()
    with projector(settings):
        journal.write(settings.bootstrap_servers, [good])
        wait_until(lambda: _runs(settings) == [("good",)])
    engine = schema.engine(settings.database_url)
    deployment = Deployment(
        kafka={name: str(value) for name, value in settings.kafka_config().items()},
        reader=TopicReader(settings.kafka_config(), CODEC),
        engine=engine,
        home=settings.home,
        limits=Limits(view_lags_s=0),
    )
    findings = list(examine(deployment, explained))
    engine.dispose()
    (views,) = [each for each in findings if each.check == "views"]
    assert views.level is Level.WRONG
    assert "runs.events/1 cannot be read at offset 0" in views.what
    assert not [each for each in findings if each.check == "audit" and each.level is Level.OK]


def _runs(settings: Settings) -> list[tuple[str]]:
    try:
        return [(str(run),) for (run,) in ask(settings, "SELECT run_id FROM runs")]
    except psycopg.Error:
        return []


def naps(number: int) -> ToolWork:
    arguments = json_content({"seconds": 0})
    return tool_work(f"nap-{number}.1", tool="naps", tool_version="1.0.0", arguments=arguments)
