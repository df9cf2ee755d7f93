"""The vocabulary of a job: a toy with requests, controls, work and facts of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runfold.events.base import Fact, Record, Symbol, Timestamp
from runfold.events.values import Actor


class JobRequested(Record):
    """Do so many ``steps``, or sleep ``timer_ms``; first ask the tenant's ledger for ``price``."""

    job_id: str
    tenant_id: str
    steps: int = 1
    placement: str = "local"
    timer_ms: int | None = None
    price: int = 0
    goal: str = ""


class JobControl(Record):
    """What a person asks of a job."""

    job_id: str


class PauseJob(JobControl):
    reason: str


class CancelJob(JobControl):
    reason: str = ""


class TellJob(JobControl):
    text: str


class JobWork(Record):
    """One step to do."""

    job_id: str
    call_id: str
    attempt: int = 1


class JobResult(Record):
    """One step done."""

    job_id: str
    call_id: str
    attempt: int = 1
    effect: bool = False


class FundsAnswered(Record):
    """What the ledger says to a job that asked for money."""

    job_id: str
    granted: bool


class JobStatus(Symbol):
    UNKNOWN = "unknown"
    QUEUED = "queued"
    PLANNING = "planning"
    WAITING = "waiting"
    WORKING = "working"
    ENDED = "ended"


class JobMeta(Record):
    """The head of a job's event."""

    job_id: str
    seq: int
    tenant_id: str
    time: Timestamp
    status: JobStatus
    cause: str
    actor: Actor
    traceparent: str
    prev_hash: bytes


@dataclass(frozen=True, slots=True)
class JobEvent:
    """A fact of a job as it stands in the journal."""

    meta: JobMeta
    fact: Fact

    @property
    def id(self) -> str:
        return f"{self.meta.job_id}/{self.meta.seq}"

    @property
    def type(self) -> str:
        return type(self.fact).__name__


class JobFact(Fact):
    META: ClassVar = JobMeta
    EVENT: ClassVar = JobEvent


class JobQueued(JobFact):
    job_id: str
    tenant_id: str
    steps: int
    placement: str


class JobStarted(JobFact):
    pass


class FundsAsked(JobFact):
    """The price of a job; its tenant's ledger is to grant it."""

    price: int


class FundsKnown(JobFact):
    granted: bool


class StepAdvanced(JobFact):
    step_id: str
    status: str


class JobSlept(JobFact):
    due: Timestamp


class JobTold(JobFact):
    text: str


class JobPaused(JobFact):
    reason: str


class JobCompleted(JobFact):
    pass


class JobCancelled(JobFact):
    reason: str


CONTROLS = (PauseJob, CancelJob, TellJob)
FACTS = (
    JobQueued,
    JobStarted,
    FundsAsked,
    FundsKnown,
    StepAdvanced,
    JobSlept,
    JobTold,
    JobPaused,
    JobCompleted,
    JobCancelled,
)
TERMINAL = (JobCompleted, JobCancelled)
