"""What happens at a tenant: runs are admitted, wait, are refused and come back; books are kept."""

from __future__ import annotations

from typing import ClassVar

from runfold.events.base import Fact, Money, Timestamp
from runfold.events.tenant.event import TenantEvent, TenantMeta
from runfold.events.tenant.values import (
    Admission,
    Amount,
    Asks,
    Book,
    CallRates,
    Held,
    Pace,
    Settled,
    Share,
    Waiting,
)


class TenantFact(Fact):
    """A fact of a tenant's journal."""

    META: ClassVar = TenantMeta
    EVENT: ClassVar = TenantEvent


class BooksOpened(TenantFact):
    """A period of the journal begins: everything that is known of the tenant is carried over.

    ``clock`` is how far the fair order has come, ``arrivals`` how many runs ever waited or were
    admitted. ``behaviour`` is by what rules the decisions of the period are made.
    """

    tenant_id: str
    period: int
    clock: int
    arrivals: int
    running: tuple[Admission, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    shares: tuple[Share, ...] = ()
    books: tuple[Book, ...] = ()
    reviewed_at: Timestamp | None = None
    paces: tuple[Pace, ...] = ()
    settled: tuple[Settled, ...] = ()
    behaviour: int = 1


class AdmissionQueued(TenantFact):
    """A run waits: ``position`` is its place in the queue, 1 the next one."""

    waiting: Waiting
    position: int
    reason: str


class AdmissionGranted(TenantFact):
    """A run was admitted, at once or out of the queue.

    ``paces`` are those of the rates that counted this start. ``cheaper`` says that a soft limit is
    reached at which runs take a cheaper model, ``rates`` how fast the run may make its calls.
    """

    admission: Admission
    number: int
    start: int
    finish: int
    waited_ms: int
    paces: tuple[Pace, ...] = ()
    cheaper: bool = False
    rates: CallRates | None = None


class AdmissionRefused(TenantFact):
    """A run was refused, at once or after it had waited.

    ``retry_after_ms`` is when asking again may help, None where nothing is known of that.
    """

    asks: Asks
    code: str
    reason: str
    retry_after_ms: int | None = None


class AdmissionReturned(TenantFact):
    """A run has ended, or left the queue; what it used is booked in the period of this moment.

    ``used`` is what the run says that it used, ``books`` the books after it. ``open`` names the
    calls (``call_id/attempt``) that may still report a cost, ``held`` what stays set aside for
    calls among them until they do, or are not waited for any more.
    """

    run_id: str
    admitted: bool
    used: tuple[Amount, ...]
    books: tuple[Book, ...] = ()
    open: tuple[str, ...] = ()
    held: tuple[Held, ...] = ()


class ReservationExtended(TenantFact):
    """More was set aside for a run that goes on: ``reserved`` is all that is, ``added`` the more.

    ``extension_id`` is the run's own name for what it asked. ``again`` says that this was answered
    before: nothing more is set aside, and the run is told the same once more.
    """

    run_id: str
    extension_id: str
    added: tuple[Amount, ...]
    reserved: tuple[Amount, ...]
    again: bool = False


class ExtensionDeclined(TenantFact):
    """A run that goes on asked for more, and does not get it; ``again`` as it was told before."""

    run_id: str
    extension_id: str
    added: tuple[Amount, ...]
    code: str
    reason: str
    retry_after_ms: int | None = None
    again: bool = False


class LateCostBooked(TenantFact):
    """What a call cost whose result came after the end of its run is booked, in this period.

    ``call`` is ``call_id/attempt``; each is booked once. ``books`` are the books after it.
    """

    run_id: str
    call: str
    used: tuple[Amount, ...]
    books: tuple[Book, ...] = ()


class BudgetAlerted(TenantFact):
    """What was used and set aside has reached the soft limit of a budget, once a period."""

    book: Book
    committed: Money
    soft: Money
    limit: Money


class QueueReviewed(TenantFact):
    """The queue was looked through, since the policy or a period may have changed."""

    waiting: int
    running: int


FACTS: tuple[type[TenantFact], ...] = (
    BooksOpened,
    AdmissionQueued,
    AdmissionGranted,
    AdmissionRefused,
    AdmissionReturned,
    ReservationExtended,
    ExtensionDeclined,
    LateCostBooked,
    BudgetAlerted,
    QueueReviewed,
)
"""All of them."""
