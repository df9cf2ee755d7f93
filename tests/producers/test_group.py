"""Membership in the owners' group, on a real coordinator."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest
from confluent_kafka import Producer

from runfold.events import topics
from runfold.producers.errors import LogError, RefusedError, UnavailableError
from runfold.producers.log import membership
from runfold.producers.log.group_positions import Positions, positions_of
from runfold.producers.log.membership import Hooks, Member, Membership
from runfold.producers.log.ownership.group import GroupOwnership
from tests.support.stack import wait_until

pytestmark = pytest.mark.integration


def test_a_session_that_the_brokers_find_too_short_is_made_longer(bootstrap_servers: str) -> None:
    # The embedded broker allows a second; others six unless told otherwise.
    group = GroupOwnership(
        {"bootstrap.servers": bootstrap_servers},
        Membership("owners", topics.REQUESTS, "classic", 500),
    )
    given: list[int] = []
    group.start(given.extend, lambda _: None)

    def has_all() -> bool:
        group.poll(0.1)
        return sorted(given) == [0, 1, 2, 3]

    wait_until(has_all, 60)
    group.close()
    assert group.assigned() == frozenset()


class Reader:
    """A member that reads, where the brokers do not say the group's positions for a while."""

    def __init__(
        self,
        bootstrap_servers: str,
        monkeypatch: pytest.MonkeyPatch,
        faults: list[LogError],
        protocol: str = "consumer",
    ) -> None:
        self.faults, self.asked = faults, 0
        monkeypatch.setattr(membership, "positions_of", self._positions_of)
        monkeypatch.setattr(membership, "_AGAIN_S", 0.0)
        self.given: set[int] = set()
        self.revoked: list[int] = []
        self.values: list[bytes] = []
        self.member = Member(
            {"bootstrap.servers": bootstrap_servers},
            Membership(f"reader-{protocol}", topics.REQUESTS, protocol),
            Hooks(self.given.update, self.revoked.extend, self.revoked.extend),
            {"auto.offset.reset": "earliest"},
        )
        self.member.join()

    def _positions_of(self, *asked: object) -> Positions:
        self.asked += 1
        if self.faults:
            raise self.faults.pop(0)
        return positions_of(*asked)  # type: ignore[arg-type]

    def take(self) -> None:
        for record in self.member.take(10, 0.1).records:
            if (record.partition() or 0) in self.given:
                self.values.append(record.value() or b"")

    def take_often(self) -> None:
        for _ in range(100):
            self.take()

    def until(self, done: Callable[[], bool]) -> None:
        def taken() -> bool:
            self.take()
            return done()

        wait_until(taken, 60)


def write(bootstrap_servers: str, values: Sequence[bytes]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap_servers})
    for number, value in enumerate(values):
        producer.produce(topics.REQUESTS, value, partition=number % 4)
    assert producer.flush(30) == 0


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_brokers_that_do_not_say_positions_yet_are_waited_for(
    bootstrap_servers: str, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    values = [f"{protocol}{number}".encode() for number in range(8)]
    write(bootstrap_servers, values)
    faults: list[LogError] = [UnavailableError("no answer"), RefusedError("no topic")] * 2
    reader = Reader(bootstrap_servers, monkeypatch, faults, protocol)
    reader.until(lambda: reader.asked > 0)
    reader.until(lambda: set(values) <= set(reader.values))
    # Each once, and whoever takes over knows of all.
    assert sorted(each for each in reader.values if each in values) == values
    assert reader.given == {0, 1, 2, 3}
    reader.member.close()
    assert sorted(reader.revoked) == [0, 1, 2, 3]


def test_what_waiting_does_not_cure_is_raised(
    bootstrap_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(bootstrap_servers, monkeypatch, [RefusedError("no topic")] * 1000)
    reader.until(lambda: reader.asked > 1)
    ahead = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: ahead)
    with pytest.raises(RefusedError, match="no topic"):
        reader.take_often()
    monkeypatch.undo()
    reader.member.close()
    # It never had them.
    assert reader.revoked == []
