"""A tenant's decisions made again from its journal alone."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from runfold.events import tenant as t
from runfold.events.base import Fact, Record
from runfold.events.definitions import Definitions
from runfold.events.tenant import TenantEvent
from runfold.processors.engine.aggregate import Command, Env, Timer, UnrecordedError
from runfold.processors.tenant.behaviour import CURRENT
from runfold.processors.tenant.decide import decide
from runfold.processors.tenant.rules.retries import CALLS, RETRIES
from runfold.processors.tenant.state import Tenant


def command_of(decision: Sequence[TenantEvent]) -> Command:
    """Return the command that a decision answered; the opening of a period is not asked for."""
    meta = decision[0].meta
    if meta.cause.startswith("timer/"):
        # A tenant's id may hold a slash.
        kind, _, rest = meta.cause.removeprefix("timer/").partition("/")
        name, _, attempt = rest.rpartition("/")
        if not attempt.isdecimal():
            raise UnrecordedError(f"the cause {meta.cause!r} is not that of a timer")
        return Command(Timer(meta.time, kind, name, int(attempt)))
    for event in decision:
        if (found := _asked(meta.tenant_id, event.fact)) is not None:
            return Command(found)
    raise UnrecordedError(f"{decision[0].type} cannot be the first of a decision")


def difference(
    state: Tenant | None, decision: Sequence[TenantEvent], definitions: Definitions
) -> str | None:
    """Return how a decision made again differs from the journal, None where it is the same.

    ``definitions`` are those of the decision's own position.
    """
    env = Env(decision[0].meta.time, definitions)
    opened = (each.fact for each in decision if isinstance(each.fact, t.BooksOpened))
    begins_with = next((fact.behaviour for fact in opened), CURRENT)
    decided = [fact for fact, _ in decide(state, command_of(decision), env, begins_with)]
    recorded = [event.fact for event in decision]
    for place, event in enumerate(decision):
        if place >= len(decided) or decided[place] != event.fact:
            again = type(decided[place]).__name__ if place < len(decided) else "nothing"
            same = " with other fields" if again == event.type else ""
            return f"event {event.meta.seq} is {event.type}, decided again it is {again}{same}"
    if len(decided) > len(recorded):
        return f"{type(decided[len(recorded)]).__name__} is missing behind {decision[-1].meta.seq}"
    return None


def _asked(tenant_id: str, fact: Fact) -> Record | None:  # noqa: PLR0911 - a line each
    match fact:
        case t.AdmissionQueued(waiting=waiting):
            return t.AdmissionAsked(tenant_id=tenant_id, asks=waiting.asks)
        case t.AdmissionGranted(admission=admission):
            return t.AdmissionAsked(tenant_id=tenant_id, asks=admission.asks)
        case t.AdmissionRefused(asks=asks):
            return t.AdmissionAsked(tenant_id=tenant_id, asks=asks)
        case t.AdmissionReturned(run_id=run_id, used=used):
            amounts = _amounts(used)
            return t.RunReturned(
                tenant_id=tenant_id,
                run_id=run_id,
                spent=amounts["usd"],
                tokens=int(amounts["tokens"]),
                tool_calls=int(amounts["tool_calls"]),
                calls=int(amounts[CALLS]),
                retries=int(amounts[RETRIES]),
                open=fact.open,
                held=fact.held,
            )
        case t.ReservationExtended() | t.ExtensionDeclined():
            return t.ExtensionAsked(
                tenant_id=tenant_id,
                run_id=fact.run_id,
                extension_id=fact.extension_id,
                added=fact.added,
            )
        case t.LateCostBooked(run_id=run_id, call=call, used=used):
            call_id, _, attempt = call.rpartition("/")
            amounts = _amounts(used)
            return t.LateCostReported(
                tenant_id=tenant_id,
                run_id=run_id,
                call_id=call_id,
                attempt=int(attempt),
                cost=amounts["usd"],
                tokens=int(amounts["tokens"]),
            )
        case _:
            return None


def _amounts(used: Sequence[t.Amount]) -> dict[str, Decimal]:
    return {each.unit: each.amount for each in used}
