"""What a process does about a lane that has ended by itself."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.kafka.lane_context import LaneState
from runfold.processors.engine.kafka.runner import Engine
from tests.engine.host import NoDefinitions, ToyEffects
from tests.engine.toys.inputs import CODEC
from tests.engine.toys.job import JOBS, Job


class ProcessEndedError(Exception):
    pass


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine[Job]:
    found: Engine[Job] = Engine(
        EngineConfig({"bootstrap.servers": "127.0.0.1:9"}, 1),
        JOBS,
        CODEC,
        NoDefinitions(),
        ToyEffects(),
    )
    monkeypatch.setattr(found._dispatcher, "is_alive", lambda: True)

    def die(why: str) -> None:
        raise ProcessEndedError(why)

    monkeypatch.setattr(found, "_die", die)
    return found


def _lane(state: LaneState, stuck: float = 0.0) -> SimpleNamespace:
    return SimpleNamespace(state=state, why="KeyError: 'x'", stuck_for=lambda: stuck)


def test_a_lane_that_a_bug_has_ended_ends_the_process(engine: Engine[Job]) -> None:
    engine._lanes[0] = _lane(LaneState.CRASHED)  # type: ignore[assignment]
    with pytest.raises(ProcessEndedError, match="lane 0 was ended by a bug: KeyError: 'x'"):
        engine._watch()


def test_a_lane_that_is_stuck_ends_the_process(engine: Engine[Job]) -> None:
    engine._lanes[0] = _lane(LaneState.RUNNING, stuck=61)  # type: ignore[assignment]
    with pytest.raises(ProcessEndedError, match="lane 0 is stuck in one step"):
        engine._watch()


def test_a_broken_journal_stops_its_own_lane_only(engine: Engine[Job]) -> None:
    # A new process would read the same journal and stop at the same place.
    engine._lanes[0] = _lane(LaneState.BROKEN)  # type: ignore[assignment]
    engine._watch()
    assert engine._lanes


def test_a_fenced_lane_is_let_go(engine: Engine[Job]) -> None:
    engine._lanes[0] = _lane(LaneState.FENCED)  # type: ignore[assignment]
    engine._watch()
    assert engine._lanes == {}


def test_lanes_may_drain_for_longer_than_one_step_may_take(
    engine: Engine[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[str] = []
    joins = iter(range(5))
    monkeypatch.setattr(engine._watchdog, "beat", beats.append)
    graces: list[float] = []
    lane = SimpleNamespace(
        partition=0,
        stop=graces.append,
        join=lambda _timeout: None,
        is_alive=lambda: next(joins, None) is not None,
    )
    engine._lanes[0] = lane  # type: ignore[assignment]
    engine.stop()
    engine._taken((0,))
    assert graces == [engine._config.drain_calls]
    assert len(beats) >= 2
    # Whatever else takes partitions away waits for no call, and not for long.
    engine._stopping.clear()
    engine._config = replace(engine._config, drain_calls=100.0, drain_timeout=100.0)
    engine._lanes[0] = SimpleNamespace(  # type: ignore[assignment]
        partition=0, stop=graces.append, join=lambda _timeout: None, is_alive=lambda: True
    )
    with pytest.raises(ProcessEndedError, match="lane 0 did not end in time"):
        engine._taken((0,))
    assert graces[1:] == [0.0]
