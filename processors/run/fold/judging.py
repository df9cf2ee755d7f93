"""Folds of a judge's calls: one is out, it has spoken, or there is no verdict."""

from __future__ import annotations

from datetime import datetime

from runfold.events import run as j
from runfold.events.calls.kinds import MODEL
from runfold.processors.run.brakes import memory
from runfold.processors.run.fold import open_calls, tenancy
from runfold.processors.run.fold.turns import unpriced_model
from runfold.processors.run.state import JudgeCall, Judged, Live, changed, loop_changed


def called(run: Live, fact: j.JudgeCalled, at: datetime) -> Live:
    """A judge is asked."""
    out = open_calls.handed_out(run, fact, at)
    # It goes to a model, so the next call of one has its time.
    run = tenancy.called(run, MODEL.name, at)
    return open_calls.opened(run, JudgeCall(call_id=fact.call_id, model=fact.model, **out))


def answered(run: Live, fact: j.JudgeAnswered, at: datetime) -> Live:
    """What it says is judged by the brake, once."""
    run = loop_changed(run, calls=open_calls.without(run, fact.call_id))
    budget = run.budget
    unpriced = budget.unpriced or unpriced_model(fact.cost, fact.provider, fact.model)
    run = changed(run, budget=changed(budget, unpriced=unpriced))
    return _remembered(run, Judged(score=fact.score, call_id=fact.call_id))


def failed(run: Live, fact: j.JudgeFailed, at: datetime) -> Live:
    """There is no verdict; it is asked again after its interval."""
    if run.loop.call(fact.call_id) is None:
        # It was not even asked: its number is taken all the same.
        return _remembered(changed(run, next_call=run.next_call + 1), Judged())
    run = open_calls.lost(run, fact.call_id, fact.attempt, fact.model)
    run = loop_changed(run, calls=open_calls.without(run, fact.call_id))
    return _remembered(run, Judged())


def _remembered(run: Live, judged: Judged) -> Live:
    watch = run.loop.watch
    if watch is None:
        return run
    return loop_changed(run, watch=memory.after_verdict(watch, judged))
