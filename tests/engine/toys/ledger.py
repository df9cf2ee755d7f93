"""A toy that never ends: what a tenant has, and which jobs it was given to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from runfold.events.base import Fact, Record
from runfold.events.definitions import Definitions
from runfold.events.values import Actor, ActorKind
from runfold.processors.engine.aggregate import Aggregate, Command, Env, Send, Timer, Work
from runfold.processors.engine.spec import AggregateSpec, AggregateTopics
from tests.engine.toys import topics
from tests.engine.toys.codecs import ParkedToy
from tests.engine.toys.job_records import FundsAnswered
from tests.engine.toys.ledger_records import (
    AskFunds,
    Denied,
    Deposit,
    Deposited,
    Granted,
    LedgerMeta,
    LedgerStatus,
    PeriodOpened,
)

ENTRIES_A_PERIOD = 5
TRACEPARENT = "00-fedcba9876543210fedcba9876543210-fedcba9876543210-01"


@dataclass(frozen=True, slots=True)
class Ledger:
    """``entries`` counts those of the period; ``granted`` all that was ever granted."""

    tenant_id: str
    period: int
    balance: int
    granted: int
    entries: int = 0
    status: LedgerStatus = LedgerStatus.OPEN
    traceparent: str = TRACEPARENT


def decide(state: Ledger | None, command: Command, env: Env) -> Sequence[tuple[Fact, Ledger]]:
    """An entry; the period before it is closed where it is full."""
    body = command.body
    assert isinstance(body, Deposit | AskFunds)
    said: list[tuple[Fact, Ledger]] = []
    if state is None:
        opened: Fact = PeriodOpened(tenant_id=body.tenant_id, period=1, balance=0, granted=0)
        state = evolve(None, opened, env.now)
        said.append((opened, state))
    elif state.entries >= ENTRIES_A_PERIOD:
        opened = PeriodOpened(
            tenant_id=state.tenant_id,
            period=state.period + 1,
            balance=state.balance,
            granted=state.granted,
        )
        state = evolve(state, opened, env.now)
        said.append((opened, state))
    fact = _entry(state, body)
    said.append((fact, evolve(state, fact, env.now)))
    return said


def evolve(state: Ledger | None, fact: Fact, _at: datetime) -> Ledger:
    """The ledger after a fact; the first of a period says everything."""
    if isinstance(fact, PeriodOpened):
        return Ledger(fact.tenant_id, fact.period, fact.balance, fact.granted)
    assert state is not None
    entries = state.entries + 1
    match fact:
        case Deposited(amount=amount):
            return replace(state, balance=state.balance + amount, entries=entries)
        case Granted(amount=amount):
            left, granted = state.balance - amount, state.granted + amount
            return replace(state, balance=left, granted=granted, entries=entries)
        case Denied():
            return replace(state, entries=entries)
    raise AssertionError(fact)


def _entry(state: Ledger, body: Deposit | AskFunds) -> Fact:
    if isinstance(body, Deposit):
        return Deposited(amount=body.amount)
    enough = state.balance >= body.amount
    return (Granted if enough else Denied)(job_id=body.job_id, amount=body.amount)


def actor(_fact: Fact, _command: Command, _state: Ledger) -> Actor:
    return Actor(kind=ActorKind.SYSTEM, id="toy")


def no_work(*_: object) -> Sequence[Work]:
    return ()


def next_timer(_state: Ledger) -> Timer | None:
    return None


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
) -> LedgerMeta:
    assert key == tenant_id
    return LedgerMeta(
        tenant_id=key,
        seq=seq,
        time=time,
        status=status,  # type: ignore[arg-type]
        cause=cause,
        actor=actor,
        traceparent=traceparent,
        prev_hash=prev_hash,
    )


def key_of(record: Record) -> str:
    return str(getattr(record, "tenant_id", ""))


def is_known(_record: Record, _definitions: Definitions) -> bool:
    return False


def answer(meta: LedgerMeta, fact: Granted | Denied) -> Sequence[Send]:
    """What a ledger says to a job; its tenant is of no use to the job."""
    said = FundsAnswered(job_id=fact.job_id, granted=isinstance(fact, Granted))
    return [Send(topics.RESULTS, fact.job_id, said)]


LEDGERS: AggregateSpec[Ledger] = AggregateSpec(
    name="ledgers",
    topics=AggregateTopics(
        requests=topics.ENTRIES,
        journal=topics.LEDGER,
        restore=topics.LEDGER_RESTORE,
        parked=topics.LEDGER_PARKED,
        dead_letters=topics.DEAD_LETTERS,
    ),
    aggregate=Aggregate(
        decide=decide,
        evolve=evolve,
        actor=actor,
        dispatch=no_work,
        reopen=no_work,
        next_timer=next_timer,
    ),
    meta=meta,
    terminal=frozenset(),
    work_topics={},
    key_of=key_of,
    name_of=key_of,
    begins=lambda _record: True,
    screen=lambda _record, _at: None,
    not_live=lambda _record, _key: None,
    lacks=is_known,
    parked=lambda key, values: ParkedToy(key=key, values=values),
    outbox={Granted: answer, Denied: answer},
    sends_to=(topics.RESULTS,),
    carries=frozenset({PeriodOpened}),
)
