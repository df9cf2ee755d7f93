"""The run as the engine sees it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from runfold.events import calls, commands
from runfold.events import run as j
from runfold.events.base import Fact, Record
from runfold.events.definitions import Definitions
from runfold.events.traits import Cause
from runfold.events.values import Actor, ActorKind
from runfold.processors.engine.aggregate import Command, Env, Timer, Work
from runfold.processors.run import decide, dispatch, evolve
from runfold.processors.run.lifecycle import deadlines
from runfold.processors.run.state import Live, RunState

DEDUPE_HORIZON = timedelta(hours=1)
"""How long after its id's own time a request is accepted, and an ended run remembered."""

CLOCK_SLACK = timedelta(minutes=5)
"""How far a requester's clock may be ahead; the engine remembers ended runs that much longer."""

_SYSTEM = Actor(kind=ActorKind.SYSTEM, id="run-processor")
_POLICY = Actor(kind=ActorKind.POLICY, id="rulebook")
_TOOL = Actor(kind=ActorKind.TOOL, id="tool-processor")
_TIMER = Actor(kind=ActorKind.TIMER, id="run-processor")


class RunAggregate:
    """Implements the engine's ``Aggregate`` for runs; holds no state of its own."""

    def screen(self, record: Record, key: str, appended_at: datetime) -> str | None:
        """Return why an input cannot be decided at all, as ``code: reason``."""
        run_id = getattr(record, "run_id", None)
        if run_id != key:
            return f"key_mismatch: the record's key is {key!r}, its run_id {run_id!r}"
        if not isinstance(record, commands.RunRequested):
            return None
        return _screen_request(record.run_id, appended_at)

    def starts(self, record: Record) -> bool:
        """Whether the record may begin a run."""
        return isinstance(record, commands.RunRequested)

    def decide(
        self, state: RunState | None, command: Command, env: Env
    ) -> Sequence[tuple[Fact, RunState]]:
        """Return what follows from a command, each fact with the state after it."""
        return decide.steps(state, command, env)

    def evolve(self, state: RunState | None, fact: Fact, at: datetime) -> RunState:
        """Return the state after a fact."""
        return evolve.evolve(state, fact, at)

    def actor(self, fact: Fact, command: Command, state: RunState) -> Actor:
        """Return who caused a fact: whose words or decision it records."""
        cause = fact.traits.cause
        if cause is Cause.PROCESSOR:
            return _SYSTEM
        if cause is Cause.MODEL:
            return _named(ActorKind.MODEL, _model_of(command))
        if cause is Cause.POLICY or (cause is Cause.POLICY_OR_SENDER and _by_policy(fact, command)):
            return _POLICY
        return _sender(command)

    def dispatch(self, fact: Fact, state: RunState, definitions: Definitions) -> Sequence[Work]:
        """Return the work that a fact calls for."""
        return dispatch.dispatch(fact, state, definitions)

    def reopen(self, state: RunState, definitions: Definitions) -> Sequence[Work]:
        """Return the local work that is out."""
        return dispatch.reopen(state, definitions)

    def next_timer(self, state: RunState) -> Timer | None:
        """Return the earliest deadline of the state."""
        return deadlines.next_timer(state) if isinstance(state, Live) else None


@lru_cache(maxsize=4096)
def _named(kind: ActorKind, name: str) -> Actor:
    return Actor(kind=kind, id=name)


def _by_policy(fact: Fact, command: Command) -> bool:
    """Whether a call was approved or denied without a person and without a deadline."""
    if not isinstance(fact, j.ToolCallApproved | j.ToolCallDenied):
        return False
    return fact.request_id is None and not isinstance(command.body, Timer)


def _sender(command: Command) -> Actor:
    match command.body:
        case commands.RunRequested() as request:
            return _named(ActorKind.CLIENT, request.user_id)
        case commands.Control() as control:
            return _named(ActorKind.PERSON, control.actor_id)
        case calls.ModelResult() as result:
            return _named(ActorKind.MODEL, result.model)
        case calls.ToolResult():
            return _TOOL
        case Timer():
            return _TIMER
        case _:
            return _SYSTEM


def _model_of(command: Command) -> str:
    return command.body.model if isinstance(command.body, calls.ModelResult) else ""


def _screen_request(run_id: str, appended_at: datetime) -> str | None:
    try:
        made = _made_at(run_id)
    except ValueError as problem:
        return f"invalid_run_id: {problem}"
    if appended_at - made > DEDUPE_HORIZON:
        return (
            f"stale_request: the run id was made {appended_at - made} before the request arrived, "
            f"the limit is {DEDUPE_HORIZON}; make a new id and send the request again"
        )
    if made - appended_at > CLOCK_SLACK:
        return "invalid_run_id: the run id's time lies in the future; check the clock"
    return None


def _made_at(run_id: str) -> datetime:
    """Return the time in a UUIDv7; raise ValueError for anything else."""
    parsed = UUID(run_id)
    if parsed.version != 7 or str(parsed) != run_id:
        raise ValueError("a run id is a UUIDv7 in lower case")
    return datetime.fromtimestamp((parsed.int >> 80) / 1000, UTC)
