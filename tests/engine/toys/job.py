"""A toy aggregate with the engine's whole vocabulary: steps, timers, controls, ways to break."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from runfold.events.base import Fact, Record
from runfold.events.definitions import Definitions
from runfold.events.values import Actor, ActorKind, Placement
from runfold.processors.engine.aggregate import Aggregate, Command, Env, Send, Timer, Work
from runfold.processors.engine.spec import AggregateSpec, AggregateTopics
from tests.engine.toys import topics
from tests.engine.toys.codecs import ParkedToy
from tests.engine.toys.job_records import (
    TERMINAL,
    CancelJob,
    FundsAnswered,
    FundsAsked,
    FundsKnown,
    JobCancelled,
    JobCompleted,
    JobControl,
    JobMeta,
    JobPaused,
    JobQueued,
    JobRequested,
    JobResult,
    JobSlept,
    JobStarted,
    JobStatus,
    JobTold,
    JobWork,
    PauseJob,
    StepAdvanced,
    TellJob,
)
from tests.engine.toys.ledger_records import AskFunds

TRACEPARENT = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Job:
    """``steps`` are still to do; ``out`` is the call that is out; ``paid`` is None until known."""

    status: JobStatus
    job_id: str
    steps: int
    placement: Placement
    tenant_id: str
    out: str | None = None
    wake: datetime | None = None
    paid: bool | None = None
    traceparent: str = TRACEPARENT


def decide(state: Job | None, command: Command, env: Env) -> Sequence[tuple[Fact, Job]]:
    """What follows from a command, each fact with the state after it."""
    return folded(state, facts(state, command, env), command, env)


def folded(
    state: Job | None, said: Sequence[Fact], command: Command, env: Env
) -> Sequence[tuple[Fact, Job]]:
    """Facts with the states that they lead to."""
    decided = []
    for fact in said:
        state = evolve(state, fact, env.now)
        decided.append((fact, state))
    return decided


def facts(state: Job | None, command: Command, env: Env) -> Sequence[Fact]:
    """What follows from a command."""
    match command.body:
        case JobRequested() as request:
            return _begin(request, env) if state is None else ()
        case _ if state is None:
            raise AssertionError("nothing else begins a job")
        case JobResult() as result:
            return _answered(state, result)
        case FundsAnswered(granted=granted):
            return _paid(state, granted=granted)
        case Timer(kind="explode"):
            raise RuntimeError("boom")
        case Timer():
            return [_done("wake"), JobCompleted()]
        case body:
            return _controlled(body)


def evolve(state: Job | None, fact: Fact, _at: datetime) -> Job:  # noqa: PLR0911 - one a fact
    """The job after a fact."""
    if isinstance(fact, JobQueued):
        placement = Placement(fact.placement)
        return Job(JobStatus.QUEUED, fact.job_id, fact.steps, placement, fact.tenant_id)
    assert state is not None
    match fact:
        case FundsAsked():
            return replace(state, status=JobStatus.WAITING)
        case FundsKnown(granted=granted):
            return replace(state, paid=granted, status=JobStatus.PLANNING)
        case JobSlept(due=due):
            return replace(state, wake=due, status=JobStatus.WAITING)
        case StepAdvanced(step_id=step, status="out"):
            return replace(state, out=step, status=JobStatus.WORKING)
        case StepAdvanced():
            left = state.steps - 1
            return replace(state, out=None, wake=None, steps=left, status=JobStatus.PLANNING)
        case JobPaused(reason="boom in evolve"):
            raise RuntimeError("boom")
        case JobCompleted() | JobCancelled():
            return replace(state, status=JobStatus.ENDED)
    return state


def actor(_fact: Fact, _command: Command, _state: Job) -> Actor:
    return Actor(kind=ActorKind.SYSTEM, id="toy")


def dispatch(fact: Fact, state: Job, _definitions: Definitions) -> Sequence[Work]:
    out = isinstance(fact, StepAdvanced) and fact.status == "out"
    return [_work(state)] if out else []


def reopen(state: Job, _definitions: Definitions) -> Sequence[Work]:
    return [_work(state)] if state.out and state.placement is Placement.LOCAL else []


def next_timer(state: Job) -> Timer | None:
    if state.wake is None:
        return None
    kind = "explode" if state.placement is Placement.UNKNOWN else "wake"
    return Timer(state.wake, kind, f"{state.job_id}.wake", 1)


def meta(  # noqa: PLR0917
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
) -> JobMeta:
    return JobMeta(
        job_id=key,
        seq=seq,
        tenant_id=tenant_id,
        time=time,
        status=status,  # type: ignore[arg-type]
        cause=cause,
        actor=actor,
        traceparent=traceparent,
        prev_hash=prev_hash,
    )


def key_of(record: Record) -> str:
    return str(getattr(record, "job_id", ""))


def name_of(record: Record) -> str:
    assert isinstance(record, JobWork | JobResult)
    return f"{record.call_id}/{record.attempt}"


def screen(record: Record, _appended_at: datetime) -> str | None:
    stale = isinstance(record, JobRequested) and record.goal == "stale"
    return "stale_request: too old" if stale else None


def not_live(record: Record, key: str) -> str | None:
    match record:
        case JobResult(effect=True):
            return f"late_result: job {key} is not live"
        case JobResult() | FundsAnswered():
            return None
        case _:
            return f"job_not_live: job {key} has ended or was never requested"


def ask_funds(meta: JobMeta, fact: FundsAsked) -> Sequence[Send]:
    """What a job says to its tenant's ledger."""
    asked = AskFunds(tenant_id=meta.tenant_id, job_id=meta.job_id, amount=fact.price)
    return [Send(topics.ENTRIES, meta.tenant_id, asked)]


JOB: Aggregate[Job] = Aggregate(
    decide=decide,
    evolve=evolve,
    actor=actor,
    dispatch=dispatch,
    reopen=reopen,
    next_timer=next_timer,
)

JOBS: AggregateSpec[Job] = AggregateSpec(
    name="jobs",
    topics=AggregateTopics(
        requests=topics.REQUESTS,
        controls=topics.CONTROLS,
        results=topics.RESULTS,
        journal=topics.EVENTS,
        completions=topics.COMPLETIONS,
        restore=topics.RESTORE,
        parked=topics.PARKED,
        dead_letters=topics.DEAD_LETTERS,
    ),
    aggregate=JOB,
    meta=meta,
    terminal=frozenset(TERMINAL),
    work_topics={JobWork: topics.CALLS},
    key_of=key_of,
    name_of=name_of,
    begins=lambda record: isinstance(record, JobRequested),
    screen=screen,
    checked=lambda record, _at: isinstance(record, JobRequested) and record.goal == "stale",
    not_live=not_live,
    lacks=lambda _record, definitions: definitions.position == 0,
    parked=lambda key, values: ParkedToy(key=key, values=values),
    outbox={FundsAsked: ask_funds},
    sends_to=(topics.ENTRIES,),
)


def behaving(**functions: object) -> AggregateSpec[Job]:
    """The spec of a job that behaves otherwise."""
    return replace(JOBS, aggregate=replace(JOB, **functions))  # type: ignore[arg-type]


def _begin(request: JobRequested, env: Env) -> Sequence[Fact]:
    begun: list[Fact] = [
        JobQueued(
            job_id=request.job_id,
            tenant_id=request.tenant_id,
            steps=request.steps,
            placement=request.placement,
        ),
        JobStarted(),
    ]
    if request.price:
        begun.append(FundsAsked(price=request.price))
    elif request.timer_ms is not None:
        begun.append(JobSlept(due=env.now + timedelta(milliseconds=request.timer_ms)))
    else:
        begun.append(StepAdvanced(step_id=f"{request.job_id}.{request.steps}", status="out"))
    return begun


def _controlled(body: object) -> Sequence[Fact]:
    match body:
        case PauseJob(reason="boom"):
            raise RuntimeError("boom")
        case PauseJob(reason=reason):
            return [JobTold(text="a"), JobPaused(reason=reason)]
        case CancelJob(reason=reason):
            return [JobCancelled(reason=reason)]
        case TellJob(text=text):
            return [JobTold(text=text)]
    return []


def _paid(state: Job, *, granted: bool) -> Sequence[Fact]:
    if state.paid is not None:
        # Here the toy is stricter than it need be: a repeated answer must not come this far.
        raise RuntimeError("the ledger answered twice")
    known = FundsKnown(granted=granted)
    if not granted:
        return [known, JobCancelled(reason="no money")]
    return [known, StepAdvanced(step_id=f"{state.job_id}.{state.steps}", status="out")]


def _answered(state: Job, result: JobResult) -> Sequence[Fact]:
    if result.call_id != state.out:
        return []
    if state.steps == 1:
        return [_done(result.call_id), JobCompleted()]
    step_id = f"{state.job_id}.{state.steps - 1}"
    return [_done(result.call_id), StepAdvanced(step_id=step_id, status="out")]


def _done(step_id: str) -> Fact:
    return StepAdvanced(step_id=step_id, status="done")


def _work(state: Job) -> Work:
    assert state.out is not None
    return Work(JobWork(job_id=state.job_id, call_id=state.out), state.placement)


def result_of(work: Record, *, effect: bool = False) -> JobResult:
    """What an obedient worker answers."""
    assert isinstance(work, JobWork)
    return result(work.job_id, work.call_id, effect=effect)


def result(job_id: str, call_id: str, *, effect: bool = False) -> JobResult:
    return JobResult(job_id=job_id, call_id=call_id, effect=effect)


def request(job_id: str, **fields: object) -> JobRequested:
    """A request; the fields say what happens."""
    return JobRequested(job_id=job_id, **{"tenant_id": "tenant-a", **fields})  # type: ignore[arg-type]


def control(kind: type[JobControl], job_id: str, **fields: object) -> JobControl:
    """A person's control."""
    return kind(job_id=job_id, **fields)


def big(size: int) -> TellJob:
    """A message of a size."""
    return TellJob(job_id="job-1", text="x" * size)
