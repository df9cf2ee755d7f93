"""What every log guarantees to those who follow it, ask for its ends or read a range of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from runfold.events.topics import CONTROLS, REQUESTS, RESULTS, TOPICS
from runfold.infra.deployment.naming import option_of
from runfold.infra.kafka import clients
from runfold.producers.errors import RefusedError, UnavailableError
from runfold.producers.identity import uuid7
from runfold.producers.log import kafka_tail
from runfold.producers.log.kafka_tail import KafkaEnds, KafkaTail
from runfold.producers.log.memory import MemoryLog
from runfold.producers.log.memory_tail import MemoryEnds, MemoryTail
from runfold.producers.log.partitioner import partition_for
from runfold.producers.log.tail import (
    BEGINNING,
    End,
    Ends,
    Place,
    Portion,
    Positions,
    RawRecord,
    Tail,
    firsts,
    in_range,
    place_of,
)
from runfold.stack.kafka.topics import ensure_topics
from tests.contracts.logs import CODEC
from tests.support.stack import Servers, named_topics, wait_until

PLACE: Place = (CONTROLS, 1)
OTHER: Place = (RESULTS, 2)


@dataclass
class Log:
    """A log that any bytes are put onto, and what is made of it."""

    put: Callable[[Place, bytes], None]
    tail: Callable[[Positions], Tail]
    ends: Ends
    tails: list[Tail] = field(default_factory=list)

    def follow(self, positions: Positions) -> Tail:
        self.tails.append(self.tail(positions))
        return self.tails[-1]

    def end(self, place: Place) -> int:
        return self.ends.stable([place])[place]


@pytest.fixture(
    params=[
        "memory",
        pytest.param("kafka", marks=pytest.mark.integration),
        pytest.param("named", marks=pytest.mark.integration),
    ]
)
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    if request.param == "memory":
        made = _memory()
    elif request.param == "kafka":
        made = _kafka(request.getfixturevalue("bootstrap"))
    else:
        made = _kafka(request.getfixturevalue("named"), "contract")
    yield made
    for tail in made.tails:
        tail.close()


@pytest.fixture(scope="session")
def bootstrap(servers: Servers) -> str:
    ensure_topics(servers.settings.kafka_config(), TOPICS, servers.settings.partitions)
    return servers.bootstrap_servers


@pytest.fixture(scope="module")
def named(servers: Servers) -> Iterator[str]:
    with named_topics(servers.settings, "contract"):
        yield servers.bootstrap_servers


def _memory() -> Log:
    log = MemoryLog(CODEC, [topic.name for topic in TOPICS])

    def put(place: Place, value: bytes) -> None:
        keys = (str(number).encode() for number in range(1000))
        log.append(place[0], value, next(k for k in keys if partition_for(k, 4) == place[1]))

    return Log(put, lambda at: MemoryTail(log.held, at), MemoryEnds(log.held))


def _kafka(bootstrap: str, deployment: str = "") -> Log:
    kafka = {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"}
    kafka |= option_of(deployment)
    producer = clients.producer(kafka)

    def put(place: Place, value: bytes) -> None:
        producer.produce(place[0], value, b"key", partition=place[1])
        assert producer.flush(20) == 0

    return Log(put, lambda at: KafkaTail(kafka, at, lookup_s=10), KafkaEnds(kafka))


def taken(tail: Tail, count: int) -> list[bytes | None]:
    found: list[RawRecord] = []

    def enough() -> bool:
        found.extend(tail.take(10, 0.2).records)
        return len(found) >= count

    wait_until(enough, 60)
    return [record.value() for record in found]


def reached(tail: Tail, place: Place) -> int:
    found: dict[Place, int] = {}

    def is_reached() -> bool:
        found.update(tail.take(10, 0.2).reached)
        return place in found

    wait_until(is_reached, 60)
    return found[place]


def values(batches: Iterator[list[RawRecord]]) -> list[bytes | None]:
    return [record.value() for batch in batches for record in batch]


def test_a_tail_begins_where_it_is_told_and_hears_what_comes(log: Log) -> None:
    start = log.end(PLACE)
    for value in (b"one", b"two", b"three"):
        log.put(PLACE, value)
    tail = log.follow({PLACE: start + 1})
    assert taken(tail, 2) == [b"two", b"three"]
    assert reached(tail, PLACE) == start + 3
    log.put(PLACE, b"four")
    assert taken(tail, 1) == [b"four"]
    assert reached(tail, PLACE) == start + 4


def test_a_record_says_where_it_stands(log: Log) -> None:
    start, before = log.end(PLACE), time.time() * 1000 - 60_000
    log.put(PLACE, b"one")
    [record] = next(in_range(log.follow({}), {PLACE: start}, {PLACE: start + 1}))
    assert (place_of(record), record.offset(), record.value()) == (PLACE, start, b"one")
    assert record.key() is not None
    assert before < record.timestamp()[1] < time.time() * 1000 + 60_000


def test_assigning_other_places_leaves_the_old_ones(log: Log) -> None:
    start, other = log.end(PLACE), log.end(OTHER)
    log.put(PLACE, b"here")
    log.put(OTHER, b"there")
    tail = log.follow({PLACE: start})
    assert taken(tail, 1) == [b"here"]
    tail.assign({OTHER: other})
    log.put(PLACE, b"not this")
    assert taken(tail, 1) == [b"there"]
    tail.assign({})
    log.put(OTHER, b"nor this")
    assert tail.take(10, 0.2) == Portion()


def test_the_ends_say_what_is_there(log: Log) -> None:
    before = log.ends.all([PLACE, OTHER])
    log.put(PLACE, b"one")
    after = log.ends.all([PLACE, OTHER])
    assert after[PLACE] == End(before[PLACE].low, before[PLACE].high + 1, before[PLACE].high + 1)
    assert after[OTHER] == before[OTHER]
    assert log.ends.high([PLACE]) == log.ends.stable([PLACE]) == {PLACE: after[PLACE].high}
    assert log.ends.high([]) == {}


def test_a_range_ends_before_its_end(log: Log) -> None:
    start, other = log.end(PLACE), log.end(OTHER)
    for number in range(5):
        log.put(PLACE, b"%d" % number)
    log.put(OTHER, b"other")
    tail = log.follow({})
    assert values(in_range(tail, {PLACE: start + 1}, {PLACE: start + 4})) == [b"1", b"2", b"3"]
    assert values(in_range(tail, {PLACE: start}, {PLACE: start})) == []
    both = in_range(tail, {PLACE: start + 3, OTHER: other}, {PLACE: start + 5, OTHER: other + 1})
    assert sorted(values(both)) == [b"3", b"4", b"other"]


def test_a_range_without_a_start_begins_at_the_beginning(log: Log) -> None:
    place: Place = (REQUESTS, 3)
    log.put(place, b"one")
    end = log.end(place)
    assert len(values(in_range(log.follow({}), {}, {place: end}))) >= 1
    low = log.ends.all([place])[place].low
    again = values(in_range(log.follow({}), {place: BEGINNING}, {place: end}))
    assert len(again) <= end - low


def test_what_comes_first_is_a_record_or_the_end(log: Log) -> None:
    start, other = log.end(PLACE), log.end(OTHER)
    log.put(PLACE, b"one")
    log.put(PLACE, b"two")
    until = time.monotonic() + 60
    found = firsts(log.follow({}), {PLACE: start, OTHER: other}, lambda: time.monotonic() > until)
    first = found[PLACE]
    assert not isinstance(first, int)
    assert (first.offset(), first.value()) == (start, b"one")
    assert found[OTHER] == other


def test_nothing_is_waited_for_where_time_is_over(log: Log) -> None:
    assert firsts(log.follow({}), {PLACE: 0}, lambda: True) == {}
    assert firsts(log.follow({}), {}, lambda: False) == {}


class Silent:
    """A tail that never hears anything."""

    def assign(self, positions: Positions) -> None:
        pass

    def take(self, most: int, wait_s: float) -> Portion:
        return Portion()

    def known_ends(self) -> dict[Place, int]:
        return {}

    def close(self) -> None:
        pass


def test_a_log_that_stays_silent_is_not_waited_for_for_ever() -> None:
    beats: list[int] = []
    with pytest.raises(UnavailableError, match=r"silent for 0 s about runs\.controls/1"):
        next(in_range(Silent(), {PLACE: 1}, {PLACE: 5}, lambda: beats.append(1), silent_s=0.0))
    assert beats


class Told:
    """A tail that gives what it was told, a portion at a time."""

    def __init__(self, *portions: list[tuple[Place, int]]) -> None:
        self._portions = list(portions)

    def assign(self, positions: Positions) -> None:
        pass

    def take(self, most: int, wait_s: float) -> Portion:
        given = self._portions.pop(0) if self._portions else []
        return Portion(records=[_Numbered(place, at) for place, at in given])

    def known_ends(self) -> dict[Place, int]:
        return {}

    def close(self) -> None:
        pass


class _Numbered:
    """A record of which nothing but its place is known."""

    def __init__(self, place: Place, at: int) -> None:
        self._place, self._at = place, at

    def topic(self) -> str:
        return self._place[0]

    def partition(self) -> int:
        return self._place[1]

    def offset(self) -> int:
        return self._at

    def key(self) -> bytes | None:
        return None

    value = key

    def headers(self) -> Any:
        return None

    def timestamp(self) -> tuple[int, int]:
        return 1, 0


def test_a_place_that_was_read_to_its_end_gives_nothing_more_while_others_are_read() -> None:
    # What stands behind the end of one comes while the other still has much to give: two of it
    # with the last that is wanted, and one later.
    portions = (
        [(PLACE, 0), (OTHER, 0), (OTHER, 1), (OTHER, 2), (OTHER, 3), (PLACE, 1)],
        [(OTHER, 4), (PLACE, 2)],
        [(OTHER, 5), (PLACE, 3), (PLACE, 4), (PLACE, 5)],
    )
    read = in_range(Told(*portions), {PLACE: 0, OTHER: 0}, {PLACE: 5, OTHER: 2})
    assert [(place_of(each), each.offset()) for batch in read for each in batch] == [
        *((PLACE, 0), (OTHER, 0), (OTHER, 1), (PLACE, 1)),
        *((PLACE, number) for number in (2, 3, 4)),
    ]


@pytest.mark.integration
def test_open_and_aborted_transactions_are_in_the_ends_and_not_in_a_range(bootstrap: str) -> None:
    log = _kafka(bootstrap)
    start = log.end(PLACE)
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"test-{uuid7()}"})
    producer.init_transactions(20)
    for value, settle in (
        (b"kept", producer.commit_transaction), (b"aborted", producer.abort_transaction)
    ):  # fmt: skip
        producer.begin_transaction()
        producer.produce(PLACE[0], value, b"key", partition=PLACE[1])
        producer.flush(20)
        settle(20)
    producer.begin_transaction()
    producer.produce(PLACE[0], b"open", b"key", partition=PLACE[1])
    producer.flush(20)
    end = log.ends.all([PLACE])[PLACE]
    # kept and its mark, aborted and its mark; open is above the last stable offset.
    assert (end.stable, end.high) == (start + 4, start + 5)
    tail = log.follow({})
    assert values(in_range(tail, {PLACE: start}, {PLACE: end.stable})) == [b"kept"]
    producer.abort_transaction(20)
    tail.close()


@pytest.mark.integration
def test_ends_that_nobody_tells_are_unavailable() -> None:
    with pytest.raises(UnavailableError):
        KafkaEnds({"bootstrap.servers": "127.0.0.1:1"}).high([PLACE], 0.5)


class Electing:
    """An admin client whose brokers do not agree at first who leads."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.asked = 0

    def list_offsets(self, asked: Any, **_: object) -> dict[Any, Future[Any]]:
        self.asked += 1
        answers = {}
        for place in asked:
            answers[place] = Future[Any]()
            if self.asked < 3:
                answers[place].set_exception(KafkaException(KafkaError(self.code)))
            else:
                answers[place].set_result(SimpleNamespace(offset=7))
        return answers


@pytest.mark.parametrize(
    "code", [KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.NOT_LEADER_FOR_PARTITION]
)
def test_brokers_that_have_just_come_back_are_asked_again(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    brokers = Electing(code)
    monkeypatch.setattr(kafka_tail, "admin_of", lambda _settings: brokers)
    assert KafkaEnds({}).stable([("t", 0)]) == {("t", 0): 7}
    assert brokers.asked == 3


def test_what_is_refused_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    brokers = Electing(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    monkeypatch.setattr(kafka_tail, "admin_of", lambda _settings: brokers)
    with pytest.raises(RefusedError):
        KafkaEnds({}).stable([("t", 0)])
    assert brokers.asked == 1
