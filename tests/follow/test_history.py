"""Histories of runs: read whole once, and then what came since, with the same answer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from runfold.events import topics
from runfold.events.run import Event
from runfold.producers.follow.history import LogHistory
from runfold.producers.follow.remembered import RememberedRuns
from runfold.producers.identity import uuid7
from runfold.producers.log.memory import MemoryLog
from runfold.producers.log.port import Delivery
from tests.follow.given import event, memory_log


class Noted:
    """A reader that notes how many records each reading was handed, of a log that may change."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.handed: list[int] = []

    def read(self, topic: str, start: Any = "earliest", **how: Any) -> Iterator[Delivery]:
        """Read, and note how much."""
        self.handed.append(0)
        for found in self.log.read(topic, start, **how):
            self.handed[-1] += 1
            yield found

    def ends(self, topic: str) -> Any:
        """Return where the log ends."""
        return self.log.ends(topic)

    def begins(self, topic: str) -> Any:
        """Return where the log begins."""
        return self.log.begins(topic)


@pytest.fixture
def reader() -> Noted:
    return Noted(memory_log())


def say(log: MemoryLog, run_id: str, *seqs: int) -> None:
    for seq in seqs:
        log.append_event(event(run_id, seq), topics.EVENTS)


def seqs(found: list[Event]) -> list[int]:
    return [each.meta.seq for each in found]


def test_who_asks_again_is_read_what_came_since_and_nothing_where_nothing_came(
    reader: Noted,
) -> None:
    history, run_id = LogHistory(reader, topics.EVENTS), uuid7()
    say(reader.log, run_id, *range(1, 51))
    assert seqs(history.read(run_id).result(10)) == list(range(1, 51))
    assert seqs(history.read(run_id).result(10)) == list(range(1, 51))
    say(reader.log, run_id, 51, 52)
    assert seqs(history.read(run_id).result(10)) == list(range(1, 53))
    assert reader.handed == [50, 2]


def test_a_run_of_which_nothing_was_there_is_found_once_it_begins(reader: Noted) -> None:
    history, run_id = LogHistory(reader, topics.EVENTS), uuid7()
    assert history.read(run_id).result(10) == []
    say(reader.log, run_id, 1)
    assert seqs(history.read(run_id).result(10)) == [1]


def test_after_a_minute_it_is_read_whole_again(reader: Noted) -> None:
    now = [0.0]
    remembered = RememberedRuns(elapsed=lambda: now[0])
    history, run_id = LogHistory(reader, topics.EVENTS, remembered), uuid7()
    say(reader.log, run_id, 1, 2, 3)
    for now[0] in (0.0, 59.0, 61.0, 62.0):
        assert seqs(history.read(run_id).result(10)) == [1, 2, 3]
    assert reader.handed == [3, 3]


@pytest.mark.parametrize("more", [False, True])
def test_a_topic_that_was_made_again_is_read_whole(reader: Noted, *, more: bool) -> None:
    """It ends before what was read, or what comes does not follow."""
    history, run_id = LogHistory(reader, topics.EVENTS), uuid7()
    say(reader.log, run_id, 1, 2, 3)
    history.read(run_id).result(10)
    reader.log = memory_log()
    found = [1] if not more else [7, 8, 9, 10, 11]
    say(reader.log, run_id, *found)
    assert seqs(history.read(run_id).result(10)) == found


def test_what_is_remembered_has_a_bound_and_the_longest_unasked_goes_first(reader: Noted) -> None:
    remembered = RememberedRuns(most=20_000)
    history = LogHistory(reader, topics.EVENTS, remembered)
    runs = [uuid7() for _ in range(100)]
    for run_id in runs:
        say(reader.log, run_id, 1, 2)
        assert seqs(history.read(run_id).result(10)) == [1, 2]
    ends = reader.ends(topics.EVENTS)
    kept = [run_id for run_id in runs if remembered.known(run_id, ends) is not None]
    assert kept == runs[-len(kept) :]
    assert 1 <= len(kept) <= 20


def test_many_who_ask_at_random_are_answered_as_by_the_whole_log(reader: Noted) -> None:
    rng = random.Random(4)
    history = LogHistory(reader, topics.EVENTS, RememberedRuns(most=30_000))
    runs = {uuid7(): 0 for _ in range(12)}
    for _ in range(150):
        for run_id in rng.sample(sorted(runs), 3):
            runs[run_id] += 1
            say(reader.log, run_id, runs[run_id])
        asked = rng.sample(sorted(runs), rng.choice((1, 1, 4)))
        answers = [(run_id, history.read(run_id)) for run_id in asked]
        for run_id, answer in answers:
            assert seqs(answer.result(10)) == list(range(1, runs[run_id] + 1))
