"""A reader that stands still before the end of the log is told from one that has read it."""

from __future__ import annotations

import itertools
import queue
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from runfold.events import topics
from runfold.infra.process.stall import Place, StallWatch, Standstill
from runfold.producers.log.stalls import KafkaLook

PLACE: Place = ("runs.requests", 0)
AFTER_S = 0.5
_ids = itertools.count(1)


def _looks(still: Standstill, positions: list[int], ends: list[int]) -> list[bool]:
    return [
        bool(still.look({PLACE: at}, {PLACE: end})) for at, end in zip(positions, ends, strict=True)
    ]


def test_a_place_that_stands_still_before_its_end_is_suspected_after_some_looks() -> None:
    assert _looks(Standstill(2), [5, 5, 5], [9, 9, 12]) == [False, False, True]


def test_a_place_that_is_unknown_or_beyond_its_end_is_suspected_too() -> None:
    assert _looks(Standstill(2), [-1, -1, -1], [9, 9, 9]) == [False, False, True]
    assert _looks(Standstill(2), [50, 50, 50], [9, 9, 9]) == [False, False, True]


@pytest.mark.parametrize(
    ("positions", "ends"),
    [([9, 9, 9, 9], [9, 9, 9, 9]), ([5, 6, 7, 8], [9, 9, 9, 9]), ([-1, -1, -1], [0, 0, 0])],
    ids=["at its end", "moving", "empty"],
)
def test_a_place_that_is_read_is_not_suspected(positions: list[int], ends: list[int]) -> None:
    assert not any(_looks(Standstill(2), positions, ends))


def test_a_place_that_is_not_read_for_a_while_begins_anew() -> None:
    still = Standstill(2)
    _looks(still, [5, 5], [9, 9])
    still.look({}, {})
    assert not still.look({PLACE: 5}, {PLACE: 9})


def test_while_nobody_answers_no_look_counts() -> None:
    still = Standstill(2)
    _looks(still, [5, 5], [9, 9])
    still.forget()
    assert _looks(still, [5, 5, 5], [9, 9, 9]) == [False, False, True]


def test_a_place_behind_which_nothing_was_found_is_looked_at_again_when_the_log_has_grown() -> None:
    still = Standstill(2)
    _looks(still, [5, 5, 5], [6, 6, 6])
    still.acquit(PLACE)
    assert not any(_looks(still, [5] * 4, [6] * 4))
    assert _looks(still, [5, 5, 5], [7, 7, 7]) == [False, False, True]


class Watched:
    """A watch over a position that the test moves."""

    def __init__(self, bootstrap: str) -> None:
        self.positions: dict[Place, int] = {}
        self.said: queue.Queue[str] = queue.Queue()
        self.looks = 0
        kafka = {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"}
        self.watch = StallWatch(KafkaLook(kafka), self._reading, AFTER_S, self.said.put)

    def _reading(self) -> dict[Place, int]:
        self.looks += 1
        return self.positions

    def nothing_said(self) -> bool:
        """Whether it stays silent for many looks."""
        until = self.looks + 20
        while self.looks < until:
            try:
                return not self.said.get(timeout=0.05)
            except queue.Empty:
                continue
        return True


@pytest.fixture
def watched(bootstrap_servers: str) -> Iterator[Watched]:
    found = Watched(bootstrap_servers)
    yield found
    found.watch.stop()
    if found.watch.ident:
        found.watch.join()


def _put(bootstrap: str, count: int, *, abort: bool = False) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"stall-{next(_ids)}"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for _ in range(count):
        producer.produce(topics.REQUESTS, b"value", b"key", partition=0)
    producer.flush(30)
    (producer.abort_transaction if abort else producer.commit_transaction)(30)


@pytest.mark.integration
def test_records_that_do_not_come_are_a_stall(watched: Watched, bootstrap_servers: str) -> None:
    _put(bootstrap_servers, 3)
    watched.positions = {PLACE: 1}
    watched.watch.start()
    said = watched.said.get(timeout=30)
    assert said.startswith("consumer stalled: runs.requests/0 has records from 1 on")
    assert not watched.watch.is_alive() or watched.said.empty()


@pytest.mark.integration
def test_a_topic_that_begins_anew_under_its_reader_is_a_stall(
    watched: Watched, bootstrap_servers: str
) -> None:
    _put(bootstrap_servers, 3)
    watched.positions = {PLACE: 1000}
    watched.watch.start()
    assert "has records from 1000 on" in watched.said.get(timeout=30)


@pytest.mark.integration
def test_marks_of_transactions_and_what_was_aborted_are_no_stall(
    watched: Watched, bootstrap_servers: str
) -> None:
    _put(bootstrap_servers, 3)
    _put(bootstrap_servers, 2, abort=True)
    watched.positions = {PLACE: 3}
    watched.watch.start()
    assert watched.nothing_said()
