"""What a process does about a lane that has ended by itself."""

from __future__ import annotations

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
