"""Folds of calls that runs make."""

from __future__ import annotations

from datetime import datetime

from runfold.events import run as j
from runfold.events.border import amount_of, number_of
from runfold.events.calls.children import RunSignal
from runfold.processors.run.fold.open_calls import with_call
from runfold.processors.run.ids import HANDOUT_GRACE, after
from runfold.processors.run.state import Child, Live, changed


def asked(run: Live, fact: j.ChildRunRequested, at: datetime) -> Live:
    """It is known which run makes the call."""
    limits, tree = fact.request.limits, run.budget.tree
    child = Child(fact.request.run_id, (limits.max_total_tokens or 0) if limits else 0)
    tree = changed(tree, runs=tree.runs + 1, out=tree.out | {child.run_id})
    run = changed(run, budget=changed(run.budget, tree=tree))
    return _made_by(run, fact.call_id, child)


def returned(run: Live, fact: j.ChildRunEnded, at: datetime) -> Live:
    """What it used counts; nobody makes the call any more, unless it is another run's by now."""
    tree = run.budget.tree
    tree = changed(
        tree,
        cost=amount_of(tree.cost + fact.used.cost),
        tokens=number_of(tree.tokens + fact.used.tokens),
        runs=number_of(tree.runs + fact.used.runs),
        unpriced_calls=number_of(tree.unpriced_calls + fact.used.unpriced_calls),
        out=tree.out - {fact.child_run_id},
    )
    run = changed(run, budget=changed(run.budget, tree=tree))
    return run if fact.late else _made_by(run, fact.call_id, None)


def signalled(run: Live, fact: j.ChildRunSignalled, at: datetime) -> Live:
    """A child that is cancelled is waited for a little longer: its end says what it used."""
    call = run.loop.call(fact.call_id)
    if fact.signal is not RunSignal.CANCEL or call is None or call.beginning.child is None:
        return run
    child = changed(call.beginning.child, cancelled=True)
    beginning = changed(call.beginning, child=child)
    return with_call(run, fact.call_id, beginning=beginning, due=after(at, 0, HANDOUT_GRACE))


def _made_by(run: Live, call_id: str, child: Child | None) -> Live:
    call = run.loop.call(call_id)
    if call is None:
        return run
    return with_call(run, call_id, beginning=changed(call.beginning, child=child))
