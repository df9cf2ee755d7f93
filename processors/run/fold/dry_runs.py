"""Folds of dry runs: they are out, and what they found is kept for whoever approves the call."""

from __future__ import annotations

from datetime import datetime

from runfold.events import run as j
from runfold.events.calls.kinds import TOOL
from runfold.processors.run.behaviour import BY_GATE
from runfold.processors.run.fold import open_calls, tenancy
from runfold.processors.run.fold.open_calls import known
from runfold.processors.run.fold.round_calls import tainted
from runfold.processors.run.ids import outcome_of
from runfold.processors.run.state import DryRunCall, Live, RoundCall, changed, loop_changed


def started(run: Live, fact: j.DryRunStarted, at: datetime) -> Live:
    """A dry run is out."""
    if run.behaviour >= BY_GATE:
        run = tenancy.called(run, TOOL.name, at)
    call = DryRunCall(
        call_id=fact.call_id,
        of=fact.of,
        tool=fact.tool,
        tool_version=fact.tool_version,
        arguments=fact.arguments,
        **open_calls.handed_out(run, fact, at),
    )
    return open_calls.opened(run, call)


def succeeded(run: Live, fact: j.DryRunSucceeded, at: datetime) -> Live:
    """What the call would do is known."""
    dry = run.loop.call(fact.call_id)
    run = loop_changed(_settled(run, fact), calls=open_calls.without(run, fact.call_id))
    call = run.loop.call(dry.of) if isinstance(dry, DryRunCall) else None
    if not isinstance(call, RoundCall):
        return run
    shown = changed(call.proposal, dry_run=fact.result)
    return open_calls.with_call(run, call.call_id, proposal=shown)


def failed(run: Live, fact: j.DryRunFailed, at: datetime) -> Live:
    """The dry run stays open until it is held for a retry or its call is denied."""
    run = tainted(_settled(run, fact), fact)
    if fact.cost is not None:
        return run
    return open_calls.lost(run, fact.call_id, fact.attempt, fact.tool)


def _settled(run: Live, fact: j.DryRunSucceeded | j.DryRunFailed) -> Live:
    outcome = outcome_of(fact.call_id, fact.attempt)
    return known(run, settled=run.attempts.settled | {outcome})
