"""Folds of the steps of a flow."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType

from runfold.events import run as j
from runfold.processors.run.fold import open_calls
from runfold.processors.run.state import FlowState, Live, RoundCall, Step, changed, loop_changed


def flow_begun(run: Live, fact: j.FlowStarted, at: datetime) -> Live:
    """Every step waits."""
    steps = {each.step: Step() for each in fact.steps}
    return loop_changed(run, flow=FlowState(MappingProxyType(steps)))


def begun(run: Live, fact: j.StepStarted, at: datetime) -> Live:
    """The step is out; its call joins the round right after."""
    return _with_step(run, fact.step, attempt=fact.attempt, call_id=fact.call_id, outcome=None)


def ended(run: Live, fact: j.StepEnded, at: datetime) -> Live:
    """The step has its result, and its call is open no more."""
    call = run.loop.call(fact.call_id or "")
    result = call.reply if isinstance(call, RoundCall) else None
    run = _with_step(run, fact.step, call_id=None, outcome=fact.outcome, result=result)
    if fact.call_id is None:
        return run
    return loop_changed(run, calls=open_calls.without(run, fact.call_id))


def _with_step(run: Live, name: str, **changes: object) -> Live:
    flow = run.loop.flow
    if flow is None or name not in flow.steps:
        return run
    steps = {**flow.steps, name: changed(flow.steps[name], **changes)}
    return loop_changed(run, flow=FlowState(MappingProxyType(steps)))
