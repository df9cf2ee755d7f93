"""The decider: what follows from a command, given the state of the run and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from runfold.events import calls
from runfold.events.base import Fact
from runfold.events.calls.children import ChildEnded, ChildRequested, ParentSignal
from runfold.events.people.origin import Origin
from runfold.events.people.proved import Proved
from runfold.events.records import commands
from runfold.events.tenant import AdmissionAnswered, ExtensionAnswered
from runfold.processors.engine.aggregate import Command, Env, Timer
from runfold.processors.run import behaviour
from runfold.processors.run.agent.calls import beginnings, results
from runfold.processors.run.agent.next_step import proceed
from runfold.processors.run.children import receiving, returning
from runfold.processors.run.draft import (
    DefinitionMissingError,
    Draft,
    IsPriced,
    Resolve,
    as_named,
    every_model,
)
from runfold.processors.run.lifecycle import (
    admission,
    controls,
    deadlines,
    extending,
    queueing,
    undecidable,
)
from runfold.processors.run.lifecycle.proving import unproved
from runfold.processors.run.state import Live, RunState

logger = logging.getLogger(__name__)


def decide(
    state: RunState | None,
    command: Command,
    env: Env,
    begins_with: int = behaviour.CURRENT,
    is_priced: IsPriced = every_model,
    resolve: Resolve = as_named,
) -> list[Fact]:
    """Return the facts that follow from a command; none if it changes nothing."""
    return [fact for fact, _ in steps(state, command, env, begins_with, is_priced, resolve)]


def steps(
    state: RunState | None,
    command: Command,
    env: Env,
    begins_with: int = behaviour.CURRENT,
    is_priced: IsPriced = every_model,
    resolve: Resolve = as_named,
) -> Sequence[tuple[Fact, RunState]]:
    """Return the facts that follow from a command, each with the state after it.

    A run that begins takes the behaviour ``begins_with``; a live one keeps its own. What prices are
    known when it begins, and what its model stands for, it records.
    """
    draft = Draft(state, env, begins_with, is_priced, resolve, *_asked(command))
    try:
        _decide(draft, command)
    except (DefinitionMissingError, MemoryError, RecursionError):
        # Another process, or this one a moment later, may decide it.
        raise
    except Exception as error:
        if draft.behaviour < 4:
            raise
        logger.exception("a command could not be decided")
        return concluded(state, command, env, begins_with, type(error).__name__)
    return draft.steps


def concluded(
    state: RunState | None, command: Command, env: Env, begins_with: int, error: str
) -> Sequence[tuple[Fact, RunState]]:
    """Return what is on record of a command that cannot be decided, by the kind of the error.

    Raises if not even that can be decided.
    """
    proof, origin = _asked(command)
    draft = Draft(state, env, begins_with, proof=proof, origin=origin)
    try:
        undecidable.conclude(draft, command, error)
    except Exception:
        if not isinstance(state, Live):
            raise
        logger.exception("the outcome of a command could not be decided; the run ends")
        draft = Draft(state, env, begins_with)
        undecidable.end(draft, command, error)
    return draft.steps


def unwritten(
    state: RunState | None,
    command: Command,
    env: Env,
    error: str,
    begins_with: int = behaviour.CURRENT,
    *,
    last: bool,
) -> Sequence[tuple[Fact, RunState]] | None:
    """Return what is on record of a command whose decision cannot be written; None for no record.

    It is what an undecidable command leads to; with ``last`` the run ends.
    """
    draft = Draft(state, env, begins_with)
    if draft.behaviour < 4 or (last and not isinstance(state, Live)):
        return None
    if not last:
        return concluded(state, command, env, begins_with, error)
    undecidable.end(draft, command, error)
    return draft.steps


def _decide(draft: Draft, command: Command) -> None:
    state = draft.state
    match command.body:
        case commands.RunRequested() as request:
            if state is None:
                _begin(draft, request, command)
        case ChildRequested() | ChildEnded() | ParentSignal() as said:
            _hear(draft, said, command.traceparent)
        case _ if not isinstance(state, Live):
            return
        case commands.Control() as control:
            controls.apply(draft, control, unproved(draft, command))
        case calls.CallResult() as result:
            results.take(draft, result)
        case calls.BeginRequested() as question:
            beginnings.asked(draft, question)
            if draft.steps:
                # Time may have made the run ready; that is its timer's to say, not a question's.
                proceed(draft)
        case AdmissionAnswered() | ExtensionAnswered() as answer:
            _answered(draft, answer)
        case Timer() as timer:
            deadlines.fire(draft, timer)
        case other:
            raise TypeError(f"{type(other).__name__} is no command of a run")


def _answered(draft: Draft, answer: AdmissionAnswered | ExtensionAnswered) -> None:
    """Decide what the run's tenant says."""
    if isinstance(answer, AdmissionAnswered):
        queueing.answered(draft, answer)
        return
    extending.answered(draft, answer)
    if draft.steps:
        proceed(draft)


def _hear(
    draft: Draft, said: ChildRequested | ChildEnded | ParentSignal, traceparent: str | None
) -> None:
    """Decide what another run of the tree says."""
    match said:
        case ChildRequested():
            if draft.state is None:
                receiving.begin(draft, said, traceparent)
        case ChildEnded() if isinstance(draft.state, Live):
            returning.take(draft, said)
        case ParentSignal() if isinstance(draft.state, Live):
            receiving.hear(draft, said)
        case _:
            pass


def _begin(draft: Draft, request: commands.RunRequested, command: Command) -> None:
    if why := unproved(draft, command):
        admission.refuse_unproved(draft, request, why)
    else:
        admission.admit(draft, request, command.traceparent)


def _asked(command: Command) -> tuple[Proved | None, Origin | None]:
    """Return what is on record of who asked: what was proved, and a control's origin."""
    body = command.body
    return (
        command.proof if isinstance(command.proof, Proved) else None,
        body.origin if isinstance(body, commands.Control) else None,
    )
