"""What happened that a person may want to hear of, in words without contents of a run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from runfold.events import run as journal
from runfold.events.definitions.delivery.subscriber import About, Subscriber
from runfold.events.records.alerts import AlertRaised
from runfold.events.tenant.event import TenantEvent
from runfold.events.tenant.facts import BudgetAlerted

TYPES = frozenset(
    {
        "ApprovalRequested", "HumanInputRequested", "ExtensionAwaited", "WaitEscalated",
        "RunCompleted", "RunFailed", "RunRefused", "LimitReached", "BudgetAlerted", "AlertRaised",
    }
)  # fmt: skip
"""The records that make news."""


@dataclass(frozen=True, slots=True)
class News:
    """One event as news; ``tenant_id`` is empty for what concerns the whole deployment.

    ``asks`` are those who are asked (``user/NAME``), ``user`` is who asked for the run; both are
    empty where nobody is named.
    """

    event_id: str
    tenant_id: str
    run_id: str
    about: About
    said: str
    time: datetime
    asks: tuple[str, ...] = ()
    user: str = ""


def news_of(record: object) -> News | None:
    """Return what a record of a journal, or of ``alerts``, tells; None for the others."""
    match record:
        case journal.Event():
            return _of_run(record)
        case TenantEvent(fact=BudgetAlerted() as fact):
            book, meta = fact.book, record.meta
            whose = f"{book.of} {book.name}".strip()
            said = (
                f"The budget of {whose} in {book.unit} per {book.period} has reached its soft "
                f"limit: {fact.committed.normalize():f} of {fact.limit.normalize():f}."
            )
            return News(record.id, meta.tenant_id, "", "budget", said, meta.time)
        case AlertRaised():
            said = f"{record.severity.value}: {record.summary}"
            return News(f"alert/{record.alert_id}", "", "", "alert", said, record.raised_at)
        case _:
            return None


def _of_run(event: journal.Event) -> News | None:
    fact, user = event.fact, ""
    about: About
    asks: tuple[str, ...] = ()
    match fact:
        case journal.ApprovalRequested():
            about, asks = "approval", fact.asks
            said = f"waits for an approval of {fact.tool}, of risk level {fact.risk_level}"
        case journal.HumanInputRequested():
            about, asks = "approval", fact.asks
            said = "asks a question and waits for the answer"
        case journal.ExtensionAwaited():
            about, said = "approval", "has met a limit and waits for more, or for its end"
        case journal.WaitEscalated():
            about, asks = "escalated", fact.asks
            said = f"still waits, and others are asked now: step {fact.step} of {fact.steps}"
        case journal.RunCompleted():
            about, said, user = "completed", "has completed", fact.user_id
        case journal.RunFailed():
            about, said, user = "failed", "has failed", fact.user_id
        case journal.RunRefused():
            about, said, user = "failed", f"was refused: {fact.code}", fact.request.user_id
        case journal.LimitReached():
            about, said = "budget", f"has met its limit of {fact.limit}: {fact.action}"
        case _:
            return None
    meta = event.meta
    words = f"Run {meta.run_id} {said}."
    return News(event.id, meta.tenant_id, meta.run_id, about, words, meta.time, asks, user)


def concerns(person: Subscriber, news: News) -> bool:
    """Whether a subscriber is to hear of news."""
    if news.about not in person.about:
        return False
    if person.whose == "all":
        return True
    asked = {each.partition(" for ")[0] for each in news.asks}
    return news.user == person.person or f"user/{person.person}" in asked
