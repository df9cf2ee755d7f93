"""Folds of waiting for people: who is asked, and until when."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType

from runfold.events import run as j
from runfold.processors.run.fold import open_calls
from runfold.processors.run.state import Asking, Live, changed

Asks = j.ApprovalRequested | j.HumanInputRequested


def asked(run: Live, call_id: str, fact: Asks, at: datetime) -> Live:
    """Somebody named is asked, or others will be; nothing is kept where the agent says nothing."""
    if not fact.asks and fact.until is None:
        return run
    return _kept(run, call_id, Asking(step=0, since=at, asks=fact.asks))


def escalated(run: Live, fact: j.WaitEscalated, at: datetime) -> Live:
    """Others are asked from now on."""
    before = run.idle.asking.get(fact.call_id)
    since = before.since if before else at
    run = _kept(run, fact.call_id, Asking(step=fact.step, since=since, asks=fact.asks))
    return open_calls.with_call(run, fact.call_id, due=fact.until)


def _kept(run: Live, call_id: str, standing: Asking) -> Live:
    """Return the run with who is asked about a call; what waits no more is forgotten."""
    open_ = {call.call_id for call in run.loop.calls}
    held = {name: each for name, each in run.idle.asking.items() if name in open_}
    kept = MappingProxyType({**held, call_id: standing})
    return changed(run, idle=changed(run.idle, asking=kept))
