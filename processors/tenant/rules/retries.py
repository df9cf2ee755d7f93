"""The retry budget of a tenant: what may be made again of what its runs call."""

from __future__ import annotations

from decimal import Decimal

from runfold.events.definitions import TenantPolicy
from runfold.events.tenant import Amount, Asks
from runfold.processors.tenant.state import BookKey
from runfold.processors.tenant.use import NOTHING, Use

RETRIES, CALLS = "retries", "calls"


def book_keys(policy: TenantPolicy | None) -> tuple[BookKey, ...]:
    """Return the books in which retries and calls are counted, none without a budget of them."""
    if policy is None or policy.retries is None:
        return ()
    return tuple(BookKey("tenant", "", unit, policy.retries.period) for unit in (RETRIES, CALLS))


def left(use: Use, policy: TenantPolicy | None) -> Decimal | None:
    """Return how many retries nobody has used or been given, None where they are not counted."""
    if policy is None or policy.retries is None:
        return None
    given, made = book_keys(policy)
    allowed = policy.retries.least + int(use.book(made).used) * policy.retries.percent // 100
    return max(NOTHING, allowed - use.committed(given))


def allowance(use: Use, asks: Asks, policy: TenantPolicy | None) -> tuple[Amount, ...]:
    """Return the retries that a run is given when it begins: what it may need, or what is left."""
    found = left(use, policy)
    if found is None or policy is None or policy.retries is None:
        return ()
    most = policy.retries.per_run if asks.max_retries is None else asks.max_retries
    return (Amount(unit=RETRIES, amount=min(Decimal(most), found)),)
