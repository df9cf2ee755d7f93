"""What must hold of tenants: read from their journal, with the money counted once more here.

Nothing of the product's own tenants is used: neither their fold nor their periods.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from runfold.events import run as j
from runfold.events import tenant as t
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.avro.vocabulary import TENANTS as TENANT_RECORDS
from runfold.events.definitions.tenancy.tenant_policy import Budget
from runfold.stack.settings import Settings
from tests.system import oracle
from tests.system.oracle.histories import Histories
from tests.system.torture.simulation import governed, tenants

_CODEC = Codec(LockRegistry(), TENANT_RECORDS)

Events = Mapping[str, Sequence[t.TenantEvent]]
"""The journal of each tenant, in order."""

POLICIES = {
    **dict.fromkeys(tenants.TENANTS, tenants.POLICY),
    **dict.fromkeys(governed.TENANTS, governed.POLICY),
}
"""The policy of each tenant that has one."""

_REFUSED = frozenset({"budget_spent", "queue_full", "stopped"})
REFUSALS = {
    **dict.fromkeys(tenants.TENANTS, _REFUSED),
    **dict.fromkeys(
        governed.TENANTS, _REFUSED | {"queue_timeout", "limit_reached", "forbidden_model"}
    ),
}
"""Why a run of such a tenant fails though nothing is wrong."""


class BookName(NamedTuple):
    """Whose use of what is counted, from when on."""

    of: str
    name: str
    unit: str
    since: datetime


def read_tenants(settings: Settings) -> Events:
    """Return the journals of all tenants."""
    found: dict[str, list[t.TenantEvent]] = defaultdict(list)
    for raw in oracle.read_topic(settings, topics.TENANT_EVENTS):
        record = _CODEC.decode(topics.TENANT_EVENTS, raw.value)
        if isinstance(record, t.TenantEvent):
            found[record.meta.tenant_id].append(record)
    return found


def counts(journals: Events) -> Counter[str]:
    """Return how often each fact stands in them."""
    return Counter(event.type for events in journals.values() for event in events)


def books_are_exact(journals: Events, read: Histories) -> Iterator[str]:
    """No budget is ever exceeded; each run has one reservation; each return is booked, once."""
    for tenant_id, events in journals.items():
        ledger = _Ledger(tenant_id, read)
        for event in events:
            yield from ledger.take(event)
        yield from ledger.left()


def admitted_means_granted(journals: Events, read: Histories) -> Iterator[str]:
    """A run of these tenants begins with what its tenant granted, and does nothing before."""
    granted = {
        event.fact.admission.asks.run_id: event.fact.admission.reserved
        for events in journals.values()
        for event in events
        if isinstance(event.fact, t.AdmissionGranted)
    }
    for run_id, entries in read.runs.items():
        if entries[0].event.meta.tenant_id not in POLICIES:
            continue
        admitted = False
        for entry in entries:
            match entry.event.fact:
                case j.RunAdmitted(reserved=reserved):
                    if granted.get(run_id) != reserved:
                        yield f"{run_id}: was admitted with {reserved}, which nobody granted"
                    admitted = True
                case j.RunStarted() | j.ModelCalled() | j.ToolCallStarted() | j.CallBegun() as fact:
                    if not admitted:
                        yield f"{run_id}: {type(fact).__name__} before its tenant had admitted it"
                case _:
                    pass


@dataclass
class _Ledger:
    """One tenant, counted by hand."""

    tenant_id: str
    read: Histories
    running: dict[str, t.Admission] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    ended: dict[str, t.Asks] = field(default_factory=dict)
    granted: Counter[str] = field(default_factory=Counter)
    returned: Counter[str] = field(default_factory=Counter)
    used: dict[BookName, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    held: dict[str, dict[str, Decimal]] = field(default_factory=dict)

    def take(self, event: t.TenantEvent) -> Iterator[str]:
        """Yield what is wrong with the next event."""
        at = event.meta.time
        match event.fact:
            case t.AdmissionQueued(waiting=waiting):
                self.waiting.add(waiting.asks.run_id)
            case t.AdmissionGranted(admission=admission):
                yield from self._granted(admission, at)
            case t.AdmissionRefused(asks=asks):
                self.waiting.discard(asks.run_id)
            case t.AdmissionReturned() as fact:
                yield from self._returned(fact, at)
            case t.ReservationExtended(run_id=run_id, reserved=reserved):
                extended = self.running[run_id].model_copy(update={"reserved": reserved})
                self.running[run_id] = extended
                yield from self._exceeded(extended.asks, at, run_id)
            case t.LateCostBooked(run_id=run_id) as fact:
                self.held[run_id].pop(fact.call.rpartition("/")[0], None)
                yield from self._booked(run_id, self.ended[run_id], fact, at)
                yield from self._exceeded(self.ended[run_id], at, run_id)
            case t.BooksOpened() as fact:
                if {each.asks.run_id for each in fact.running} != set(self.running):
                    yield f"{self.tenant_id}: a period begins with other runs than those that run"
            case _:
                pass

    def left(self) -> Iterator[str]:
        """Yield what is wrong at the end, when every run has ended."""
        for run_id in sorted(self.running):
            yield f"{run_id}: has ended, and money of {self.tenant_id} is still set aside for it"
        for run_id, entries in self.read.runs.items():
            if entries[0].event.meta.tenant_id == self.tenant_id:
                settled = len(self.read.facts(run_id, j.RunSettled))
                if settled != self.returned[run_id]:
                    yield f"{run_id}: settled {settled} times, booked {self.returned[run_id]} times"

    def _granted(self, admission: t.Admission, at: datetime) -> Iterator[str]:
        run_id = admission.asks.run_id
        if run_id in self.running:
            yield f"{run_id}: has two open reservations"
        self.granted[run_id] += 1
        if self.granted[run_id] > 1:
            yield f"{run_id}: was admitted {self.granted[run_id]} times"
        self.waiting.discard(run_id)
        self.running[run_id] = admission
        yield from self._exceeded(admission.asks, at, run_id)

    def _exceeded(self, asks: t.Asks, at: datetime, run_id: str) -> Iterator[str]:
        """Yield which budgets that count a run have less than nothing left."""
        for budget in POLICIES[self.tenant_id].budgets:
            name, aside = _book(budget, asks, at), Decimal(0)
            for each in self.running.values():
                if _book(budget, each.asks, at) == name:
                    aside += _amount(each.reserved, budget.unit)
            for ended, calls in self.held.items() if budget.unit == "usd" else ():
                if _book(budget, self.ended[ended], at) == name:
                    aside += sum(calls.values())
            if self.used[name] + aside > budget.limit:
                yield (
                    f"{run_id}: {self.tenant_id} has used {self.used[name]} and set {aside} aside"
                    f" of {budget.limit} {budget.unit} of {name.of} {name.name}"
                )

    def _returned(self, fact: t.AdmissionReturned, at: datetime) -> Iterator[str]:
        self.returned[fact.run_id] += 1
        admission = self.running.pop(fact.run_id, None)
        if admission is None and fact.run_id not in self.waiting:
            yield f"{fact.run_id}: returned, and neither ran nor waited"
        self.waiting.discard(fact.run_id)
        told = {(each.spent, each.tokens, each.tool_calls) for each in self._settled(fact.run_id)}
        spent, tokens, calls = (_amount(fact.used, u) for u in ("usd", "tokens", "tool_calls"))
        used = spent, int(tokens), int(calls)
        if told != {used}:
            yield f"{fact.run_id}: told its tenant {sorted(told)}, which took {used} for it"
        if admission is not None:
            self.ended[fact.run_id] = admission.asks
            self.held[fact.run_id] = {each.call_id: each.amount for each in fact.held}
            yield from self._booked(fact.run_id, admission.asks, fact, at)
            yield from self._exceeded(admission.asks, at, fact.run_id)

    def _booked(
        self, run_id: str, asks: t.Asks, fact: t.AdmissionReturned | t.LateCostBooked, at: datetime
    ) -> Iterator[str]:
        said = {BookName(b.of, b.name, b.unit, b.start): b.used for b in fact.books}
        began = Decimal(isinstance(fact, t.AdmissionReturned))
        for budget in POLICIES[self.tenant_id].budgets:
            name = _book(budget, asks, at)
            self.used[name] += began if budget.unit == "runs" else _amount(fact.used, budget.unit)
            if said.get(name) != self.used[name]:
                yield (
                    f"{run_id}: {self.tenant_id} has used {self.used[name]} {budget.unit} of"
                    f" {name.of} {name.name}, and its books say {said.get(name)}"
                )

    def _settled(self, run_id: str) -> list[j.RunSettled]:
        return self.read.facts(run_id, j.RunSettled) if run_id in self.read.runs else []


def _book(budget: Budget, asks: t.Asks, at: datetime) -> BookName:
    name = {"user": asks.user_id, "agent": asks.agent}.get(budget.of, "")
    since = at.replace(minute=0, second=0, microsecond=0)
    if budget.period != "hour":
        since = since.replace(hour=0)
    if budget.period == "month":
        since = since.replace(day=1)
    return BookName(budget.of, name, budget.unit, since)


def _amount(amounts: Sequence[t.Amount], unit: str) -> Decimal:
    return sum((each.amount for each in amounts if each.unit == unit), Decimal(0))
