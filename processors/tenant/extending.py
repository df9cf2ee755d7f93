"""More for a run that goes on: set aside where its budgets have room for it, else declined."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from runfold.events import tenant as t
from runfold.events.wording import coded
from runfold.processors.tenant import answers
from runfold.processors.tenant.admitting import pause_ms
from runfold.processors.tenant.books import alert
from runfold.processors.tenant.draft import Draft
from runfold.processors.tenant.rules.retries import RETRIES, left
from runfold.processors.tenant.use import NOTHING, Hold, concerns, plain

UNITS = frozenset({"usd", "tokens", "tool_calls", "model_calls", RETRIES})
"""What a run can have more of."""


def extension_asked(draft: Draft, more: t.ExtensionAsked) -> None:
    """Set more aside for a run, whole or not at all; what was answered is answered the same.

    It has the right of way over runs that wait: what has begun is worth finishing.
    """
    if answered_before(draft, more):
        return
    admission = draft.tenant.running.get(more.run_id)
    if admission is None:
        decline(draft, more, "not_admitted", {})
        return
    if answers.is_given_enough(admission):
        decline(draft, more, "too_many_extensions", {"most": answers.MOST_GIVEN})
        return
    if not _is_meant(more.added):
        decline(draft, more, "bad_amount", {})
        return
    holds = list(_holds(draft, admission.asks, more.added))
    if holds:
        first = min(holds, key=lambda hold: not hold.never)
        decline(draft, more, first.code, first.told, first.until)
        return
    draft.say(
        t.ReservationExtended(
            run_id=more.run_id,
            extension_id=more.extension_id,
            added=more.added,
            reserved=_sum(admission.reserved, more.added),
        )
    )
    alert(draft, admission.asks)


def answered_before(draft: Draft, more: t.ExtensionAsked) -> bool:
    """Tell a run once more what it was answered; return whether it was."""
    admission = draft.tenant.running.get(more.run_id)
    given = answers.known(admission, more.extension_id) if admission else None
    if admission is None or given is None:
        return False
    draft.say(answers.again(admission, given))
    return True


def decline(
    draft: Draft,
    more: t.ExtensionAsked,
    code: str,
    told: dict[str, Any],
    again: datetime | None = None,
) -> None:
    """Put on record that a run does not get more."""
    draft.say(
        t.ExtensionDeclined(
            run_id=more.run_id,
            extension_id=more.extension_id,
            added=more.added,
            code=code,
            reason=coded(code, told),
            retry_after_ms=pause_ms(draft, again),
        )
    )


def _is_meant(added: tuple[t.Amount, ...]) -> bool:
    units = [each.unit for each in added]
    known = units and UNITS.issuperset(units) and len(set(units)) == len(units)
    return bool(known) and all(each.amount > 0 for each in added)


def _holds(draft: Draft, asks: t.Asks, added: tuple[t.Amount, ...]) -> Iterator[Hold]:
    use, policy = draft.use(), draft.policy
    if policy is None:
        return
    needed = {each.unit: each.amount for each in added}
    for budget in policy.budgets:
        if budget.unit in needed and concerns(budget, asks):
            yield from use.short(budget, asks, needed[budget.unit])
    retries = left(use, policy)
    if retries is not None and needed.get(RETRIES, NOTHING) > retries:
        yield Hold("no_retries_left", {"left": plain(retries)})


def _sum(reserved: tuple[t.Amount, ...], added: tuple[t.Amount, ...]) -> tuple[t.Amount, ...]:
    found: dict[str, Decimal] = {each.unit: each.amount for each in reserved}
    for each in added:
        found[each.unit] = found.get(each.unit, NOTHING) + each.amount
    return tuple(t.Amount(unit=unit, amount=amount) for unit, amount in found.items())
