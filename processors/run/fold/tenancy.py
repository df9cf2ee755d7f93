"""Folds of what a run's tenant lets it do: it comes in, it calls so fast, it gets more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from runfold.events import pacing
from runfold.events import run as j
from runfold.events.calls.kinds import MODEL, TOOL
from runfold.events.tenant import Amount, CallRates
from runfold.events.values import Limits
from runfold.processors.run.state import LIMIT_OF, Live, Met, More, Pace, changed


def admitted(run: Live, fact: j.RunAdmitted, at: datetime) -> Live:
    """What the tenant has set aside limits the run from now on; a cheaper model may be its own."""
    limits = within(run.limits, fact.reserved)
    pinned = changed(run.pinned, limits=limits, model=fact.model or run.pinned.model)
    entry = changed(run.entry, cheaper=fact.model is not None, pace=_pace(fact.rates))
    return changed(run, pinned=pinned, entry=entry)


def within(limits: Limits, reserved: tuple[Amount, ...]) -> Limits:
    """Return limits that allow no more than what is reserved."""
    found: dict[str, Decimal | int] = {}
    for each in reserved:
        name = LIMIT_OF.get(each.unit)
        if name is None:
            continue
        most = _amount(name, each)
        before = getattr(limits, name)
        found[name] = most if before is None else min(before, most)
    return limits.model_copy(update=found)


def awaited(run: Live, fact: j.ExtensionAwaited, at: datetime) -> Live:
    """The run waits for a person."""
    met = Met(fact.limit, fact.used, fact.allowed, question_id=fact.question_id)
    run = changed(run, next_call=run.next_call + 1)
    return _more(run, met=met)


def requested(run: Live, fact: j.ExtensionRequested, at: datetime) -> Live:
    """More is asked for; a run that asks by itself waits for the answer."""
    more = run.budget.more
    pending = MappingProxyType({**more.pending, fact.extension_id: fact.added})
    if fact.request_id is not None:
        run = changed(run, controls=run.controls | {fact.request_id})
        return _more(run, pending=pending)
    run = changed(run, next_call=run.next_call + 1)
    met = Met(fact.limit or "", fact.used or "", fact.allowed or "", extension_id=fact.extension_id)
    return _more(run, pending=pending, met=met, times=more.times + 1)


def extended(run: Live, fact: j.RunExtended, at: datetime) -> Live:
    """The limits are higher; whatever the run waited for is looked at again."""
    found: dict[str, Decimal | int] = {}
    for each in fact.added:
        name = LIMIT_OF.get(each.unit)
        before = None if name is None else getattr(run.limits, name)
        if name is not None and before is not None:
            found[name] = before + _amount(name, each)
    limits = run.limits.model_copy(update=found)
    run = changed(run, pinned=changed(run.pinned, limits=limits))
    return _more(run, pending=_without(run.budget.more, fact.extension_id), met=None)


def refused(run: Live, fact: j.ExtensionRefused, at: datetime) -> Live:
    """Nothing changes but that it is answered."""
    if fact.request_id is not None:
        run = changed(run, controls=run.controls | {fact.request_id})
    return _more(run, pending=_without(run.budget.more, fact.extension_id))


def paced(run: Live, fact: j.CallsPaced, at: datetime) -> Live:
    """Calls of a kind wait."""
    pace = run.entry.pace
    if pace is None:
        return run
    until = MappingProxyType({**pace.until, fact.kind: fact.due})
    return changed(
        run, entry=changed(run.entry, pace=changed(pace, until=until, times=pace.times + 1))
    )


def called(run: Live, kind: str, at: datetime) -> Live:
    """A call of a kind is made: the next one has its time."""
    pace = run.entry.pace
    if pace is None or kind not in pace.per_minute:
        return run
    rate = pacing.interval(pace.per_minute[kind], pacing.MINUTE)
    stands = {**pace.stands, kind: pacing.after(pace.stands.get(kind), at, rate)}
    until = {name: due for name, due in pace.until.items() if name != kind}
    now = changed(pace, stands=MappingProxyType(stands), until=MappingProxyType(until))
    return changed(run, entry=changed(run.entry, pace=now))


def _pace(rates: CallRates | None) -> Pace | None:
    if rates is None:
        return None
    given = {MODEL.name: rates.model_calls, TOOL.name: rates.tool_calls}
    most = {kind: number for kind, number in given.items() if number is not None}
    return Pace(MappingProxyType(most)) if most else None


def _amount(limit: str, each: Amount) -> Decimal | int:
    return each.amount if limit == "max_cost" else int(each.amount)


def _more(run: Live, **changes: Any) -> Live:
    more = changed(run.budget.more, **changes)
    return changed(run, budget=changed(run.budget, more=more))


def _without(more: More, extension_id: str) -> Mapping[str, tuple[Amount, ...]]:
    return MappingProxyType(
        {key: added for key, added in more.pending.items() if key != extension_id}
    )
