"""The vocabulary of a tenant's ledger: a toy that never ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runfold.events.base import Fact, Record, Symbol, Timestamp
from runfold.events.values import Actor


class Deposit(Record):
    """Put money into a tenant's account."""

    tenant_id: str
    amount: int


class AskFunds(Record):
    """A job asks its tenant's ledger for money."""

    tenant_id: str
    job_id: str
    amount: int


class LedgerStatus(Symbol):
    UNKNOWN = "unknown"
    OPEN = "open"


class LedgerMeta(Record):
    """The head of a ledger's event."""

    tenant_id: str
    seq: int
    time: Timestamp
    status: LedgerStatus
    cause: str
    actor: Actor
    traceparent: str
    prev_hash: bytes


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """A fact of a ledger as it stands in the journal."""

    meta: LedgerMeta
    fact: Fact

    @property
    def id(self) -> str:
        return f"{self.meta.tenant_id}/{self.meta.seq}"

    @property
    def type(self) -> str:
        return type(self.fact).__name__


class LedgerFact(Fact):
    META: ClassVar = LedgerMeta
    EVENT: ClassVar = LedgerEvent


class PeriodOpened(LedgerFact):
    """A period begins; its first event carries all that the periods before it came to."""

    tenant_id: str
    period: int
    balance: int
    granted: int


class Deposited(LedgerFact):
    amount: int


class Granted(LedgerFact):
    job_id: str
    amount: int


class Denied(LedgerFact):
    job_id: str
    amount: int


FACTS = (PeriodOpened, Deposited, Granted, Denied)
