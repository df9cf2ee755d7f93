"""What a run in its tenant's queue waits for, and until when, as far as its events say so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from runfold.events import run as j
from runfold.events.run import Event
from runfold.events.wording import parameters_of
from runfold.processors.tenant import periods
from runfold.surfaces.visible import on_one_line

QUEUED = "queued"
"""The name under which this stands among what is waited for."""


def waits_for(event: Event) -> str | None:
    """Return until when a run waits that its tenant has put into the queue, None for others."""
    fact, meta = event.fact, event.meta
    if not isinstance(fact, j.RunQueued) or fact.asks is not None:
        return None
    found = (
        (words, told)
        for code, words in _WORDS.items()
        if (told := parameters_of(fact.reason, code)) is not None
    )
    words, told = next(found, (_others, {}))
    place = "" if fact.position is None else f", as number {fact.position} of the queue"
    tenant = on_one_line(meta.tenant_id)
    return f"it waits {words(told, meta.time)}{place}: runfold tenant show {tenant}"


def ends_wait(event: Event) -> bool:
    """Return whether a run waits in no queue after an event."""
    return isinstance(event.fact, j.RunAdmitted) or event.fact.traits.ends is not None


def _budget(told: dict[str, Any], at: datetime) -> str:
    period = str(told.get("period", ""))
    turns = periods.ends(period, at) if period in {"hour", "day", "month"} else None
    if turns is None:
        return "for that budget"
    return (
        f"until {turns:%Y-%m-%d %H:%M} UTC, when the {period} turns, or until runs that end leave "
        "enough of the budget"
    )


def _others(_told: dict[str, Any], _at: datetime) -> str:
    return "until its tenant admits it"


_WORDS: dict[str, Callable[[dict[str, Any], datetime], str]] = {
    "budget_spent": _budget,
    "at_cap": lambda _told, _at: "until one of those that run has ended",
    "behind_others": lambda _told, _at: "until those before it have begun",
    "at_rate": lambda _told, _at: "until that rate allows a start",
    "throttled": lambda _told, _at: "for its turn to start",
}
