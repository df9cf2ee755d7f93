"""What a tenant's runs use now, and whether one more fits within its caps and budgets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from runfold.events import pacing
from runfold.events.definitions import TenantPolicy
from runfold.events.definitions.tenancy.tenant_policy import Budget
from runfold.events.tenant import Admission, Amount, Asks, Book, Pace
from runfold.processors.tenant.counting import add_held, count, counts_of
from runfold.processors.tenant.evolve import is_awaited
from runfold.processors.tenant.periods import began, ends
from runfold.processors.tenant.rules.pacing import Rule, rules
from runfold.processors.tenant.rules.scopes import book_key, called, concerns, whose
from runfold.processors.tenant.state import BookKey, PaceKey, Tenant

__all__ = [
    "NOTHING",
    "Hold",
    "Use",
    "amounts_of",
    "book_key",
    "concerns",
    "likeness",
    "plain",
    "whose",
]

NOTHING = Decimal(0)


class Hold(NamedTuple):
    """Why a run cannot be admitted now.

    ``code`` and ``told`` make the sentence; ``never`` that waiting does not help; ``refuse`` that
    the policy does not let it wait; ``book`` the book that has no room, if that is it; ``until``
    when that may be over, as far as it is known.
    """

    code: str
    told: dict[str, str | int]
    never: bool = False
    refuse: bool = False
    book: BookKey | None = None
    until: datetime | None = None


def likeness(asks: Asks) -> tuple[object, ...]:
    """Return all of a run that ``Use.holds`` goes by: what holds one up holds up its like."""
    return (
        asks.user_id,
        asks.agent,
        asks.feature,
        asks.max_cost,
        asks.max_tokens,
        asks.max_tool_calls,
    )


def amounts_of(asks: Asks, policy: TenantPolicy | None) -> tuple[Amount, ...] | str:
    """Return what is to be set aside for a run, or the unit for which nobody says how much."""
    found: dict[str, Decimal] = {}
    for budget in policy.budgets if policy else ():
        if budget.unit not in found and concerns(budget, asks):
            amount = _amount(budget.unit, asks, policy)
            if amount is None:
                return budget.unit
            found[budget.unit] = amount
    return tuple(Amount(unit=unit, amount=found[unit]) for unit in sorted(found))


def _amount(unit: str, asks: Asks, policy: TenantPolicy | None) -> Decimal | None:
    default = getattr(policy.run_amounts, unit, None) if policy else None
    asked: Decimal | int | None = {
        "runs": 1,
        "usd": asks.max_cost,
        "tokens": asks.max_tokens,
        "tool_calls": asks.max_tool_calls,
    }[unit]
    chosen = default if asked is None else asked
    return None if chosen is None else Decimal(chosen)


class Use:
    """Counts what runs use and hold, by scope; ``add`` counts one more."""

    def __init__(self, tenant: Tenant, now: datetime) -> None:
        self._books = tenant.books
        self._now = now
        self._paces: dict[PaceKey, Pace] = {**tenant.paces}
        counted = counts_of(tenant)
        self._running = counted.running.copy()
        self._held = counted.held.copy()
        lasting = (each for each in tenant.settled.values() if is_awaited(each, now))
        add_held(lasting, self._held)

    def add(self, admission: Admission) -> None:
        """Count a run that was admitted."""
        count(admission, self._running, self._held)

    def start(self, asks: Asks, policy: TenantPolicy | None) -> tuple[Pace, ...]:
        """Count the start of a run in every rate that concerns it; return where those stand."""
        found = {}
        for rule in rules(asks, policy) if policy else ():
            # Starts of before the soft limit was reached are not made up for.
            before = None if rule.soft else self._paces.get(rule.key)
            stands = pacing.after(before.next if before else None, self._now, rule.rate)
            found[rule.key] = Pace(
                **rule.key._asdict(), next=stands, free=pacing.free(stands, rule.rate)
            )
        self._paces |= found
        return tuple(found.values())

    def is_full(self, policy: TenantPolicy) -> bool:
        """Whether a cap on the whole tenant leaves no room for anybody."""
        running = self._running["tenant", ""]
        return any(cap.of == "tenant" and running >= cap.running for cap in policy.caps)

    def book(self, key: BookKey) -> Book:
        """Return the book of the period that lasts, an empty one where nothing is in it."""
        start, held = began(key.period, self._now), self._books.get(key)
        if held is not None and held.start == start:
            return held
        return Book(**key._asdict(), start=start, used=NOTHING)

    def committed(self, key: BookKey) -> Decimal:
        """Return what was used in the period that lasts, and what is set aside."""
        return self.book(key).used + self._held.get((key.of, key.name, key.unit), NOTHING)

    def holds(self, asks: Asks, policy: TenantPolicy | None) -> Iterator[Hold]:
        """Yield every reason why a run cannot be admitted now."""
        if policy is None:
            return
        for cap in policy.caps:
            name = whose(cap.of, asks) or ""
            if concerns(cap, asks) and self._running[cap.of, name] >= cap.running:
                yield Hold("at_cap", {"of": called(cap.of, name), "running": cap.running})
        for rule in rules(asks, policy):
            yield from self._early(rule, asks)
        amounts = amounts_of(asks, policy)
        if isinstance(amounts, str):
            yield Hold("no_amount", {"unit": amounts}, never=True)
            return
        needed = {each.unit: each.amount for each in amounts}
        for budget in policy.budgets:
            if concerns(budget, asks):
                yield from self.short(budget, asks, needed[budget.unit])

    def soft_reached(self, budget: Budget, asks: Asks) -> bool:
        """Whether what is used and set aside has reached the soft limit of a budget."""
        return budget.soft is not None and self.committed(book_key(budget, asks)) >= budget.soft

    def _early(self, rule: Rule, asks: Asks) -> Iterator[Hold]:
        pace = self._paces.get(rule.key)
        if pace is None or pace.free <= self._now:
            return
        if rule.soft is not None and not self.soft_reached(rule.soft, asks):
            return
        code = "at_rate" if rule.soft is None else "throttled"
        told = {"of": called(rule.key.of, rule.key.name), **rule.told}
        yield Hold(code, told, refuse=rule.refuse, until=pace.free)

    def short(self, budget: Budget, asks: Asks, need: Decimal) -> Iterator[Hold]:
        """Yield that a budget has no room for so much more."""
        key = book_key(budget, asks)
        committed = self.committed(key)
        if committed + need <= budget.limit:
            return
        told: dict[str, str | int] = {
            "of": called(key.of, key.name),
            "unit": budget.unit,
            "period": budget.period,
            "limit": plain(budget.limit),
            "left": plain(max(NOTHING, budget.limit - committed)),
            "need": plain(need),
        }
        never = need > budget.limit
        code = "above_budget" if never else "budget_spent"
        until = None if never else ends(budget.period, self._now)
        yield Hold(code, told, never, budget.when_spent == "refuse", key, until)


def plain(amount: Decimal) -> str:
    """Return an amount as people write it."""
    return f"{amount.normalize():f}"
