"""The monitor's time when its machine's clock is set."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runfold.infra.clock import reading
from runfold.processors.monitor.shell.watch import Watch
from tests.monitor.given import watching


class Set(datetime):
    """The machine's clock, set by ``by``."""

    by = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.by


class Reached:
    """A log of which everything is known at once."""

    def reached(self, _positions: Mapping[Any, int], now: datetime) -> datetime:
        return now


@pytest.mark.parametrize("hours", [2, -2])
def test_a_clock_that_is_set_moves_no_horizon(
    hours: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(reading, "datetime", Set)
    intake = cast("Any", SimpleNamespace(positions={}))
    watch = Watch(
        watching(tmp_path, "rules: []"), intake, cast("Any", Reached()), cast("Any", None), 60
    )
    before = watch.horizon()
    assert before is not None
    monkeypatch.setattr(Set, "by", timedelta(hours=hours))
    after = watch.horizon()
    assert after is not None
    assert timedelta(0) <= after - before < timedelta(minutes=10)
