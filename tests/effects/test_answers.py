"""Where the answers to a pool's questions are read: from the end as it was before the first."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.calls import BeginAnswered
from runfold.processors.effects.pool.answers import Answers
from runfold.processors.effects.pool.places import Places
from runfold.producers.errors import RefusedError, UnavailableError, UnreadableError
from runfold.producers.log.memory import MemoryLog
from runfold.producers.log.memory_tail import MemoryEnds, MemoryTail
from runfold.producers.log.partitioner import partition_for
from runfold.producers.log.port import Delivery
from runfold.producers.log.tail import Place, Portion, RawRecord

CODEC = Codec(LockRegistry())
HERE = partition_for(b"run", 4)
ELSEWHERE = next(n for n in range(4) if n != HERE)


class Ends(MemoryEnds):
    """Ends that may be away once."""

    away = False
    unknown = False

    def stable(self, places: list[Place], wait_s: float = 0.0) -> dict[Place, int]:
        if self.unknown:
            raise RefusedError("There is no topic.")
        if self.away:
            self.away = False
            raise UnavailableError("no answer")
        return super().stable(places, wait_s)


class Tail(MemoryTail):
    """A tail that may meet something unreadable once."""

    problem: Exception | None = None
    marks: dict[Place, int] | None = None

    def take(self, most: int, wait_s: float) -> Portion:
        if self.problem is not None:
            problem, self.problem = self.problem, None
            raise problem
        found = super().take(most, 0.0)
        found.reached.update(self.marks or {})
        return found


class Reading:
    """Answers on a log in memory; ``read`` is what came of it."""

    def __init__(self) -> None:
        self.log = MemoryLog(CODEC, [topics.PERMITS])
        self.places = Places()
        self.tail, self.ends = Tail(self._held), Ends(self._held)
        self.read: list[str] = []
        self.now = 100.0
        self.answers = Answers(
            self.tail, self.ends, self.places, self._take, clock=lambda: self.now
        )

    def publish(self, call_id: str, run_id: str = "run") -> None:
        said = BeginAnswered(run_id=run_id, call_id=call_id, attempt=1, by="me", granted=True)
        self.log.publish(topics.PERMITS, said, run_id)

    def _held(self, topic: str, partition: int) -> list[Delivery]:
        found = self.log.read(topic, key=None)
        return [each for each in found if each.place.partition == partition]

    def _take(self, records: Sequence[RawRecord]) -> None:
        for record in records:
            said = CODEC.decode(topics.PERMITS, record.value())
            assert isinstance(said, BeginAnswered)
            self.read.append(said.call_id)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runfold.processors.effects.pool.answers._PAUSE_S", 0)


def test_answers_are_read_from_where_they_ended_when_they_became_wanted() -> None:
    reading = Reading()
    reading.publish("before")
    reading.answers.turn()
    reading.places.want([HERE])
    assert reading.places.followed(HERE) is False
    reading.answers.turn()
    assert reading.places.followed(HERE) is True
    reading.publish("after")
    reading.answers.turn()
    assert reading.read == ["after"]


def test_a_partition_more_or_less_changes_nothing_for_the_others() -> None:
    reading = Reading()
    reading.places.want([HERE])
    reading.answers.turn()
    reading.publish("first")
    reading.places.want([ELSEWHERE])
    reading.answers.turn()
    reading.publish("second")
    reading.places.leave([ELSEWHERE])
    reading.answers.turn()
    assert reading.read == ["first", "second"]
    assert reading.places.wanted() == {HERE: True}
    reading.places.leave([HERE])
    reading.answers.turn()
    reading.publish("third")
    reading.answers.turn()
    assert reading.read == ["first", "second"]


def test_a_partition_that_was_away_and_is_back_is_followed() -> None:
    reading = Reading()
    reading.places.want([HERE])
    reading.answers.turn()
    reading.places.leave([HERE])
    reading.places.want([HERE])
    assert reading.places.followed(HERE) is False
    reading.answers.turn()
    assert reading.places.followed(HERE) is True
    reading.publish("here")
    reading.answers.turn()
    assert reading.read == ["here"]


def test_how_far_answers_were_read_is_known_marks_of_transactions_included() -> None:
    reading = Reading()
    reading.publish("before")
    reading.places.want([HERE, ELSEWHERE])
    reading.answers.turn()
    reading.publish("after")
    reading.answers.turn()
    assert reading.answers.reading() == {(topics.PERMITS, HERE): 2, (topics.PERMITS, ELSEWHERE): 0}
    reading.tail.marks = {(topics.PERMITS, HERE): 5}
    reading.answers.turn()
    assert reading.answers.reading()[(topics.PERMITS, HERE)] == 5


def test_nothing_is_followed_while_its_end_is_not_known() -> None:
    reading = Reading()
    reading.ends.away = True
    reading.places.want([HERE])
    reading.answers.turn()
    assert reading.places.followed(HERE) is False
    reading.answers.turn()
    assert reading.places.followed(HERE) is True


def test_what_cannot_be_read_is_passed_over_and_asked_about_again() -> None:
    reading = Reading()
    reading.places.want([HERE])
    reading.answers.turn()
    reading.publish("lost")
    reading.tail.problem = UnreadableError((topics.PERMITS, HERE), 0, "broken")
    reading.answers.turn()
    assert reading.places.followed(HERE) is False
    reading.answers.turn()
    assert reading.places.followed(HERE) is True
    reading.publish("next")
    reading.answers.turn()
    assert reading.read == ["next"]


def test_what_no_waiting_cures_is_raised() -> None:
    reading = Reading()
    reading.places.want([HERE])
    reading.tail.problem = RefusedError("no right")
    with pytest.raises(RefusedError):
        reading.answers.turn()


def test_brokers_that_do_not_know_the_topic_yet_are_waited_for_and_not_for_ever() -> None:
    reading = Reading()
    reading.places.want([HERE])
    reading.ends.unknown = True
    reading.answers.turn()
    reading.now += 29
    reading.answers.turn()
    assert not reading.places.followed(HERE)
    reading.ends.unknown = False
    reading.answers.turn()
    assert reading.places.followed(HERE)
    # The next time is another one.
    reading.now += 1000
    reading.places.want([ELSEWHERE])
    reading.ends.unknown = True
    reading.answers.turn()
    reading.now += 31
    with pytest.raises(RefusedError, match="no topic"):
        reading.answers.turn()
