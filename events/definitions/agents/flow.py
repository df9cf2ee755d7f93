"""A flow: steps that a graph decides on, in the place of a model [6, 7, 8, 9]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_STEPS = 500
"""How many steps a flow may have."""

STEP_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"


class FlowStep(BaseModel):
    """One step: a call of ``tool``, once every step that it depends on has ended.

    ``tool`` is a tool of the flow, one whose calls an agent makes, or ``ask_human``. ``input`` is
    what it is called with; None is the goal of the run with the results of the steps before.
    ``attempts`` bounds how often it is begun. ``on_error``: a step that failed for good ends the
    run, or the steps that depend on it are skipped, or go on without its result.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=STEP_NAME)
    tool: str
    input: dict[str, Any] | None = None
    depends_on: tuple[str, ...] = ()
    attempts: int = Field(default=1, ge=1, le=20)
    on_error: Literal["fail", "skip", "continue"] = "fail"


class Flow(BaseModel):
    """The steps of a flow, checked: each name once, nothing unknown, no circle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: tuple[FlowStep, ...] = Field(min_length=1, max_length=MOST_STEPS)

    @model_validator(mode="after")
    def _is_a_graph(self) -> Self:
        if problem := next(problems_of(self.steps), None):
            raise ValueError(problem)
        return self


def problems_of(steps: tuple[FlowStep, ...]) -> Iterator[str]:
    """Yield what keeps steps from being a flow, as sentences."""
    known = {step.id for step in steps}
    if len(known) < len(steps):
        names = [step.id for step in steps]
        twice = next(name for name in names if names.count(name) > 1)
        yield f"two steps are named {twice}"
    for step in steps:
        for name in step.depends_on:
            if name not in known:
                listed = ", ".join(sorted(known))
                yield f"step {step.id} depends on {name}, which is no step (there are {listed})"
    if circle := _circle(steps):
        yield f"steps wait for one another: {' > '.join(circle)}"


def _circle(steps: tuple[FlowStep, ...]) -> list[str]:
    """Return the names along a circle, the first one again at the end; empty where there is none.

    Steps are taken away that wait for nothing; those that are left wait for one another.
    """
    left = {step.id: set(step.depends_on) for step in steps}
    while free := [name for name, waits in left.items() if not waits & left.keys()]:
        for name in free:
            del left[name]
    if not left:
        return []
    path = [next(iter(left))]
    while (after := min(left[path[-1]] & left.keys())) not in path:
        path.append(after)
    return [*path[path.index(after) :], after]
