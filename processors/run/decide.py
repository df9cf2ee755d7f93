"""The decider: what follows from a command, given the state of the run and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.events import calls, commands
from runfold.events.base import Fact
from runfold.processors.engine.aggregate import Command, Env, Timer
from runfold.processors.run import behaviour
from runfold.processors.run.agent import results
from runfold.processors.run.draft import Draft
from runfold.processors.run.lifecycle import admission, controls, deadlines
from runfold.processors.run.state import Live, RunState


def decide(
    state: RunState | None,
    command: Command,
    env: Env,
    begins_with: int = behaviour.CURRENT,
) -> list[Fact]:
    """Return the facts that follow from a command; none if it changes nothing."""
    return [fact for fact, _ in steps(state, command, env, begins_with)]


def steps(
    state: RunState | None,
    command: Command,
    env: Env,
    begins_with: int = behaviour.CURRENT,
) -> Sequence[tuple[Fact, RunState]]:
    """Return the facts that follow from a command, each with the state after it.

    A run that begins takes the behaviour ``begins_with``; a live one keeps its own.
    """
    draft = Draft(state, env, begins_with)
    match command.body:
        case commands.RunRequested() as request:
            if state is None:
                admission.admit(draft, request, command.traceparent)
        case _ if not isinstance(state, Live):
            return ()
        case commands.Control() as control:
            controls.apply(draft, control)
        case calls.CallResult() as result:
            results.take(draft, result)
        case Timer() as timer:
            deadlines.fire(draft, timer)
        case other:
            raise TypeError(f"{type(other).__name__} is no command of a run")
    return draft.steps
