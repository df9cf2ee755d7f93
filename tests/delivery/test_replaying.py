"""What a replay reads: from positions on the partitions that they name, and no others."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from runfold.events.definitions import Definitions, Subscription
from runfold.events.topics import EVENTS
from runfold.processors.delivery import positions
from runfold.processors.delivery.rows import Key, Wanted
from runfold.surfaces.application.delivery.replaying import replay, start_of
from runfold.surfaces.application.errors import ReplaysOpenError
from runfold.surfaces.application.faults import fault_of
from tests.deciders.given import TENANT
from tests.deciders.given import request as asked
from tests.support.builders.stories import WRITES
from tests.surfaces.answering import answering


class Log:
    """A log of deliveries that holds nothing but some that are open."""

    held = 0

    def replays(self, _key: Key) -> int:
        return 0

    def replayed(self, _scope: str, _most: int) -> int:
        return self.held

    def session(self) -> Any:
        return nullcontext()


def test_a_partition_that_is_not_named_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = answering(asked(), WRITES)
    found: list[Wanted] = []

    def add(_session: Any, _topic: str, part: list[Wanted], _number: int) -> tuple[int, set[str]]:
        found.extend(part)
        return len(part), set()

    monkeypatch.setattr(positions, "add_again", add)
    made = hook()
    places = [each.place for each in reader.read(EVENTS)]
    own = places[0].partition
    other = next(each for each in reader.ends(EVENTS) if each != own)
    key = Key(TENANT, "hook")

    def replayed(start: str) -> int:
        log: Any = Log()
        return replay(reader, Definitions(), log, key, made, start_of(start)).events

    assert replayed(f"{other}:0") == 0
    assert found == []
    assert replayed(f"{own}:{places[1].offset} {other}:0") == len(places) - 1
    assert replayed("earliest") == len(places)


def test_a_replay_is_no_longer_than_a_tenant_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, found = answering(asked(), WRITES), []
    places = [each.place for each in reader.read(EVENTS)]

    def add(_session: Any, _topic: str, part: list[Wanted], _number: int) -> tuple[int, set[str]]:
        found.extend(part)
        return len(part), set()

    monkeypatch.setattr(positions, "add_again", add)
    monkeypatch.setenv("RUNFOLD_WEBHOOK_REPLAY_OPEN", "7")
    log: Any = Log()
    log.held = 5
    made = hook()

    def replayed(start: str) -> Any:
        return replay(reader, Definitions(), log, Key(TENANT, "hook"), made, start_of(start))

    start: str | None = "earliest"
    said = []
    while start is not None:
        said.append(replayed(start))
        start = said[-1].next
    assert [each.journal_offset for each in found] == [each.offset for each in places]
    assert {each.events for each in said[:-1]} == {2}
    log.held = 7
    with pytest.raises(ReplaysOpenError, match="RUNFOLD_WEBHOOK_REPLAY_OPEN") as refused:
        replayed("earliest")
    fault = fault_of(refused.value)
    assert (fault.code.value, fault.retryable) == ("replays_open", True)
    assert len(found) == len(places)


def hook() -> Subscription:
    return Subscription(
        name="hook",
        version="1.0.0",
        url="https://hooks.example/x",
        secrets=("webhook",),
        events=("*",),
    )
