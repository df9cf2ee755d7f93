"""How many runs of each scope a tenant runs, and what is set aside for them.

It follows from the runs alone. What was counted last is remembered for some tenants, so that a
decision costs what has changed since, and not all that runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from runfold.events.tenant import Admission, Settled
from runfold.processors.tenant.rules.scopes import whose
from runfold.processors.tenant.state import Tenant

_SCOPES = ("tenant", "user", "agent", "feature")
_NOTHING = Decimal(0)

_MOST = 2048
"""So many tenants are remembered; which ones changes no decision."""

Running = Counter[tuple[str, str]]
"""How many runs, by scope and name."""

Held = dict[tuple[str, str, str], Decimal]
"""How much is set aside, by scope, name and unit."""


class Counts(NamedTuple):
    """What was counted of these runs; nobody changes it."""

    of: Mapping[str, Admission]
    running: Running
    held: Held


_remembered: dict[str, Counts] = {}


def count(admission: Admission, running: Running, held: Held, sign: int = 1) -> None:
    """Add a run to the counts, or take it away."""
    for of in _SCOPES:
        name = whose(of, admission.asks)
        if name is None:
            continue
        running[of, name] += sign
        for each in admission.reserved:
            key = of, name, each.unit
            held[key] = held.get(key, _NOTHING) + sign * each.amount


def add_held(settled: Iterable[Settled], held: Held) -> None:
    """Add what stays set aside for calls of runs that have ended."""
    for each in settled:
        amount = sum((call.amount for call in each.held), _NOTHING)
        for of in _SCOPES if amount else ():
            name = whose(of, each.asks)
            if name is not None:
                key = of, name, "usd"
                held[key] = held.get(key, _NOTHING) + amount


def counts_of(tenant: Tenant) -> Counts:
    """Return the counts of all that runs."""
    known = _remembered.get(tenant.tenant_id)
    if known is None or known.of is not tenant.running:
        known = _counted(known, tenant.running)
        if len(_remembered) >= _MOST:
            _remembered.clear()
        _remembered[tenant.tenant_id] = known
    return known


def _counted(known: Counts | None, now: Mapping[str, Admission]) -> Counts:
    before = known.of if known is not None else {}
    gone = [each for key, each in before.items() if now.get(key) is not each]
    come = [each for key, each in now.items() if before.get(key) is not each]
    if known is None or len(gone) + len(come) > len(now):
        # Nothing is left of what was counted, not even a zero.
        gone, come = [], list(now.values())
        running, held = Running(), Held()
    else:
        running, held = known.running.copy(), known.held.copy()
    for each in gone:
        count(each, running, held, -1)
    for each in come:
        count(each, running, held)
    return Counts(now, running, held)
