"""The state of a run is made of small parts: a lifecycle, and a body that is what the run does."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from runfold.processors.run import state

PARTS = [
    part
    for name in state.__all__
    if inspect.isclass(part := getattr(state, name)) and dataclasses.is_dataclass(part)
]
LIFECYCLE = [state.Pinned, state.Idle, state.Budget, state.Attempts, state.SinceCheckpoint]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_no_part_of_the_state_has_more_than_a_dozen_fields(part: type) -> None:
    assert len(dataclasses.fields(part)) <= 12


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_part_of_the_state_is_frozen(part: type) -> None:
    assert part.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_a_lifecycle_knows_nothing_of_what_an_agent_loop_holds() -> None:
    loop = {field.name for field in dataclasses.fields(state.AgentLoop)}
    for part in (state.Live, *LIFECYCLE):
        assert loop.isdisjoint(field.name for field in dataclasses.fields(part))
