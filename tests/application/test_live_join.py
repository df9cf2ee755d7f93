"""A run that lives, read from views that grow meanwhile and the journal behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from runfold.events import topics
from runfold.events.run import Event
from runfold.producers.identity import uuid7
from runfold.producers.log.partitioner import partition_for
from runfold.projections.queries import Views
from runfold.surfaces.application.runs.reading import live
from tests.follow.given import event, memory_log

RUN = uuid7()
PARTITION = partition_for(RUN.encode(), 4)
WHOLE = [event(RUN, seq, last=seq == 8) for seq in range(1, 9)]


class Growing:
    """Views that have one event more each time that they are asked."""

    def __init__(self, known: int) -> None:
        self._known = known

    def reached(self, _views: Views, _view: str, _topic: str) -> dict[int, int]:
        return {PARTITION: self._next()}

    def run(self, _views: Views, _run_id: str) -> dict[str, Any]:
        return {"seq": self._next()}

    def recorded(self, _views: Views, _run_id: str) -> Iterator[Event]:
        yield from WHOLE[: self._next()]

    def _next(self) -> int:
        self._known += 1
        return self._known


@pytest.mark.parametrize("known", range(5))
def test_nothing_is_missing_where_the_views_grow_between_two_questions(
    known: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    views, log = Growing(known), memory_log()
    for each in WHOLE:
        log.append_event(each, topics.EVENTS)
    monkeypatch.setattr(live.queries, "reached", views.reached)
    monkeypatch.setattr(live.queries, "run", views.run)
    monkeypatch.setattr(live, "recorded", views.recorded)
    found = live.recorded_so_far(cast(Views, None), RUN)
    assert found is not None
    assert live.joined(log, RUN, found) == WHOLE
