"""The run as the engine sees it: how it behaves, and where it stands on the log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from uuid import UUID

from runfold.events import calls, topics
from runfold.events import run as j
from runfold.events.base import Fact, Record
from runfold.events.border import fault_of
from runfold.events.calls.children import ChildEnded, ChildRequested, ParentSignal
from runfold.events.calls.kinds import WORK_TOPICS
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.definitions import Definitions
from runfold.events.definitions.store.resolving import UNKNOWN
from runfold.events.records import commands
from runfold.events.records.operations import ParkedRun
from runfold.events.tenant import AdmissionAnswered, ExtensionAnswered
from runfold.events.traits import Cause
from runfold.events.trusted import trusted
from runfold.events.values import Actor, ActorKind, RunRequest
from runfold.processors.engine.aggregate import Aggregate, Command, Timer
from runfold.processors.engine.spec import AggregateSpec, AggregateTopics
from runfold.processors.run import behaviour as behaviours
from runfold.processors.run import decide, dispatch, evolve
from runfold.processors.run.agent.calls import beginnings
from runfold.processors.run.children import messages
from runfold.processors.run.draft import IsPriced, Resolve, as_named, every_model
from runfold.processors.run.lifecycle import deadlines, proving
from runfold.processors.run.lifecycle.telling import OUTBOX, late_cost
from runfold.processors.run.state import Live, RunState

DEDUPE_HORIZON = timedelta(hours=1)
"""How long after its id's own time a request is accepted, and an ended run remembered."""

CLOCK_SLACK = timedelta(minutes=5)
"""How far a requester's clock may be ahead; the engine remembers ended runs that much longer."""

_SYSTEM = Actor(kind=ActorKind.SYSTEM, id="run-processor")
_POLICY = Actor(kind=ActorKind.POLICY, id="rulebook")
_TIMER = Actor(kind=ActorKind.TIMER, id="run-processor")
_PROCESSORS: dict[type, Actor] = {
    calls.ToolResult: Actor(kind=ActorKind.TOOL, id="tool-processor"),
    calls.ContextResult: Actor(kind=ActorKind.SYSTEM, id="context-processor"),
    AdmissionAnswered: Actor(kind=ActorKind.SYSTEM, id="tenant-processor"),
    ExtensionAnswered: Actor(kind=ActorKind.SYSTEM, id="tenant-processor"),
}


def screen(record: Record, appended_at: datetime) -> str | None:
    """Return why an input cannot be decided at all, as ``code: reason``."""
    if isinstance(record, commands.RunRequested | commands.Control) and (fault := fault_of(record)):
        return f"{fault.code}: {fault.reason}"
    if not isinstance(record, commands.RunRequested):
        return None
    return _screen_request(record.run_id, appended_at)


def checked(record: Record, _appended_at: datetime) -> bool:
    """Whether a client sees by the acknowledgement that a refused request begins nothing.

    It sees the times of its id and of its arrival, and nothing else.
    """
    if not isinstance(record, commands.RunRequested) or fault_of(record):
        return False
    try:
        _made_at(record.run_id)
    except ValueError:
        return False
    return True


def begins(record: Record) -> bool:
    """Whether the record may begin a run."""
    return isinstance(record, commands.RunRequested | ChildRequested)


def lacks(record: Record, definitions: Definitions) -> bool:
    """Whether a request names an agent that is not published, as far as is known."""
    asked = record.request if isinstance(record, ChildRequested) else record
    return (
        isinstance(asked, RunRequest)
        and definitions.resolve("agent", asked.agent, asked.agent_version, asked.tenant_id).problem
        == UNKNOWN
    )


def not_live(record: Record, run_id: str) -> str | None:
    """Return why what came for a run that is not live must be on record, as ``code: reason``."""
    match record:
        case calls.CallResult(acted=True):
            return (
                f"late_result: call {record.call_id} reports a side effect, "
                f"but run {run_id} is not live"
            )
        case (
            calls.CallResult()
            | calls.BeginRequested()
            | AdmissionAnswered()
            | ExtensionAnswered()
            | ChildEnded()
            | ParentSignal()
        ):
            return None
        case _:
            return f"run_not_live: run {run_id} has ended or was never requested"


def key_of(record: Record) -> str:
    """Return the run that an input, a result or a piece of work belongs to."""
    return str(getattr(record, "run_id", ""))


def name_of(record: Record) -> str:
    """Return ``call_id/attempt`` of a piece of work or of a result."""
    return f"{getattr(record, 'call_id', key_of(record))}/{getattr(record, 'attempt', 1)}"


def actor(fact: Fact, command: Command, _state: RunState) -> Actor:
    """Return who caused a fact: whose words or decision it records."""
    cause = fact.traits.cause
    if cause is Cause.PROCESSOR:
        return _SYSTEM
    if isinstance(fact, j.HumanInputRequested) and fact.brake is not None:
        return _SYSTEM
    if cause is Cause.MODEL and isinstance(command.body, commands.ReplyAsModel):
        return _sender(command)
    if cause is Cause.MODEL:
        return _named(ActorKind.MODEL, _model_of(command))
    if cause is Cause.POLICY or (cause is Cause.POLICY_OR_SENDER and _by_policy(fact, command)):
        return _POLICY
    return _sender(command)


def next_timer(state: RunState) -> Timer | None:
    """Return the earliest deadline of the state."""
    return deadlines.next_timer(state) if isinstance(state, Live) else None


def _meta(  # noqa: PLR0913, PLR0917 - an event has so much meta
    key: str,
    seq: int,
    tenant_id: str,
    time: datetime,
    status: object,
    cause: str,
    actor: Actor,
    traceparent: str,
    prev_hash: bytes,
    definitions: int,
) -> j.Meta:
    return _make_meta(
        run_id=key,
        seq=seq,
        tenant_id=tenant_id,
        time=time,
        status=status,  # type: ignore[arg-type] # a run's state shows a RunStatus
        cause=cause,
        actor=actor,
        traceparent=traceparent,
        prev_hash=prev_hash,
        definitions=definitions,
    )


_make_meta = trusted(j.Meta)


def _parked(run_id: str, values: tuple[bytes, ...]) -> ParkedRun:
    return ParkedRun(run_id=run_id, values=values)


RUN: Aggregate[RunState] = Aggregate(
    decide=decide.steps,
    evolve=evolve.evolve,
    actor=actor,
    dispatch=dispatch.dispatch,
    reopen=dispatch.reopen,
    next_timer=next_timer,
    conclude=decide.unwritten,
)
"""How a run behaves."""

RUNS: AggregateSpec[RunState] = AggregateSpec(
    name="runs",
    topics=AggregateTopics(
        requests=topics.REQUESTS,
        controls=topics.CONTROLS,
        results=topics.RESULTS,
        journal=topics.EVENTS,
        completions=topics.COMPLETIONS,
        restore=topics.RESTORE,
        parked=topics.PARKED,
        answers=topics.PERMITS,
    ),
    aggregate=RUN,
    meta=_meta,
    terminal=frozenset(TERMINAL_FACTS),
    work_topics=WORK_TOPICS,
    key_of=key_of,
    name_of=name_of,
    begins=begins,
    screen=screen,
    checked=checked,
    not_live=not_live,
    lacks=lacks,
    parked=_parked,
    answers={calls.BeginRequested: beginnings.answer},
    wish=dispatch.wish,
    outbox={**OUTBOX, **messages.OUTBOX},
    sends_to=(topics.TENANT_REQUESTS, topics.RESULTS),
    strays=late_cost,
    source="runfold/run-processor",
    bars=proving.bars,
)
"""What the engine knows of runs."""


def runs_that_begin_with(
    behaviour: int,
    is_priced: IsPriced = every_model,
    resolve: Resolve = as_named,
    judge: proving.Judge | None = None,
) -> AggregateSpec[RunState]:
    """Return the same for a processor whose new runs take this behaviour.

    ``is_priced`` says of which models it knows prices: a run that has a limit of money records it.
    ``resolve`` says what a default model stands for. ``judge`` judges credentials; without it
    nobody needs one.

    Raises BehaviourError for one that this release does not know.
    """
    number = behaviours.known(behaviour)
    chosen = partial(decide.steps, begins_with=number, is_priced=is_priced, resolve=resolve)
    concluded = partial(decide.unwritten, begins_with=number)
    return replace(
        RUNS,
        aggregate=replace(RUN, decide=chosen, conclude=concluded),
        prove=partial(proving.prove, judge) if judge else None,
        bars=partial(proving.bars, begins_with=number),
    )


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
        case ChildRequested() | ChildEnded() | ParentSignal() as said:
            return messages.sender_of(said)
        case commands.Control() as control:
            return _named(ActorKind.PERSON, control.actor_id)
        case calls.ModelResult() as result:
            return _named(ActorKind.MODEL, result.model)
        case Timer():
            return _TIMER
        case other:
            return _PROCESSORS.get(type(other), _SYSTEM)


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
