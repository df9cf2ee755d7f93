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
from tests.deciders.given import TENANT
from tests.deciders.given import request as asked
from tests.support.builders.stories import WRITES
from tests.surfaces.answering import answering


class Log:
    """A log of deliveries that holds nothing."""

    def replays(self, _key: Key) -> int:
        return 0

    def session(self) -> Any:
        return nullcontext()


def test_a_partition_that_is_not_named_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = answering(asked(), WRITES)
    found: list[Wanted] = []

    def add(_session: Any, _topic: str, part: list[Wanted], _number: int) -> int:
        found.extend(part)
        return len(part)

    monkeypatch.setattr(positions, "add_again", add)
    made = Subscription(
        name="hook",
        version="1.0.0",
        url="https://hooks.example/x",
        secrets=("webhook",),
        events=("*",),
    )
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
