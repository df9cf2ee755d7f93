"""What the brakes of a run learn as it goes on; everything here is bounded by ``WINDOW``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from types import MappingProxyType

from runfold.events.contents.content import canonical_json
from runfold.events.values import Plan
from runfold.processors.run.brakes.likeness import alike
from runfold.processors.run.ids import signature
from runfold.processors.run.state import (
    Judged,
    Live,
    Mark,
    Progress,
    RoundCall,
    Sample,
    Seen,
    Wait,
    Watch,
    changed,
)
from runfold.processors.run.state.watch import WINDOW

UNFOUNDED = "unfounded_claim"
"""The code of a completion that is denied because of what it claims."""

DONE = "done"
"""The status of a step that the plan takes for completed."""

RATE_MS = 60_000
"""Over how much working time a rate is taken, at the least: one minute."""

_OWN = frozenset({"ask_human", "update_plan"})
"""Calls that the run answers itself; only where they are refused are they a failure."""

_LONGEST_NAME = 100
_MS = timedelta(milliseconds=1)


def after_round(watch: Watch, run: Live, at: datetime, messages: int) -> Watch:
    """Return what is remembered after a round of calls is over and the next turn begins.

    ``messages`` is how many there are in the transcript of that turn.
    """
    calls = [call for call in run.loop.round if _counts(watch, call)]
    numbered = enumerate(calls, watch.seen + 1)
    tainted = bool(watch.marks) and watch.marks[-1].tainted
    seen = [_seen(number, call, tainted=tainted) for number, call in numbered]
    made = {call.tool for call in calls if not call.is_error}
    watch = changed(
        watch,
        seen=watch.seen + len(calls),
        calls=(*watch.calls, *seen)[-WINDOW:],
        errors=_errors(watch.errors, calls),
        succeeded=watch.succeeded | (made & {pin.name for pin in run.pinned.tools}),
        samples=_sampled(watch.samples, _sample(run, at)),
        wait=changed(watch.wait, until=None),
    )
    watch = marked(watch, run, messages)
    return _judged_plan(watch, run) if watch.progress.new else watch


def marked(watch: Watch, run: Live, messages: int) -> Watch:
    """Return what is remembered where a turn begins with a transcript of so many messages."""
    mark = Mark(run.counters.step, messages, watch.seen, bool(run.loop.taint))
    return changed(watch, marks=(*watch.marks, mark)[-WINDOW:])


def after_answer(watch: Watch, run: Live) -> Watch:
    """Return what is remembered after an answer: one turn more without progress, so far."""
    if "goal_drift" in watch.detectors:
        judged = watch.progress.judged
        judged = changed(judged, turns=judged.turns + 1)
        watch = changed(watch, progress=changed(watch.progress, judged=judged))
    if run.loop.plan is None:
        return watch
    return changed(watch, progress=changed(watch.progress, turns=watch.progress.turns + 1))


def after_plan(watch: Watch, plan: Plan) -> Watch:
    """Return what is remembered after a plan: whether its steps are others than before."""
    steps = [[step.id, step.status] for step in plan.steps]
    state = hashlib.sha256(canonical_json(steps).encode()).digest()
    before = watch.progress
    if before.states and before.states[-1] == state:
        return changed(watch, progress=changed(before, new=True))
    states = (*before.states, state)[-WINDOW:]
    return changed(watch, progress=Progress(states=states, new=True, judged=before.judged))


def after_verdict(watch: Watch, judged: Judged) -> Watch:
    """Return what is remembered after a judge was asked, whatever came of it."""
    return changed(watch, progress=changed(watch.progress, judged=judged))


def after_denial(watch: Watch, call_id: str) -> Watch:
    """Return what is remembered after a completion that claims what did not happen."""
    return changed(watch, unfounded=(*watch.unfounded, call_id)[-WINDOW:])


def after_brake(watch: Watch, detector: str, due: datetime | None) -> Watch:
    """Return what is remembered after a brake: none of its evidence is taken a second time."""
    applied = MappingProxyType({**watch.applied, detector: watch.applied.get(detector, 0) + 1})
    watch = changed(watch, applied=applied)
    if due is not None:
        until = due if watch.wait.until is None else max(due, watch.wait.until)
        watch = changed(watch, wait=Wait(until, watch.wait.times + 1))
    if detector == "goal_drift":
        watch = after_verdict(watch, Judged(watch.progress.judged.turns))
    match detector:
        case "error_streak":
            return changed(watch, errors=())
        case "no_progress":
            return changed(watch, progress=changed(watch.progress, turns=0))
        case "unfounded_claims":
            return changed(watch, unfounded=())
        case "cost_velocity" | "token_velocity":
            return _since(watch, detector, watch.samples[-1].at_ms)
        case "oscillation":
            last = changed(watch.progress, states=watch.progress.states[-1:])
            return _since(changed(watch, progress=last), detector, watch.seen)
        case _:
            return _since(watch, detector, watch.seen)


def _since(watch: Watch, detector: str, place: int) -> Watch:
    return changed(watch, since=MappingProxyType({**watch.since, detector: place}))


def _counts(watch: Watch, call: RoundCall) -> bool:
    # A completion that was denied because of its claims is evidence of that alone.
    if call.proposal.by_brake or call.call_id in watch.unfounded:
        return False
    return call.is_error or call.tool not in _OWN


def _outcome(call: RoundCall) -> str:
    if not call.is_error:
        return "succeeded"
    return "denied" if call.approval == "denied" else "failed"


def _seen(number: int, call: RoundCall, *, tainted: bool) -> Seen:
    return Seen(
        number,
        call.call_id,
        call.tool[:_LONGEST_NAME],
        signature(call.tool, call.arguments),
        alike(call.tool, call.arguments),
        _outcome(call),
        call.risk_level,
        tainted,
    )


def _errors(errors: tuple[str, ...], calls: Iterable[RoundCall]) -> tuple[str, ...]:
    for call in calls:
        errors = (*errors, call.call_id)[-WINDOW:] if call.is_error else ()
    return errors


def _sample(run: Live, at: datetime) -> Sample:
    worked = at - run.pinned.created_at - run.idle.total
    used = run.counters
    return Sample(max(worked // _MS, 0), used.input_tokens + used.output_tokens, used.cost)


def _sampled(samples: tuple[Sample, ...], latest: Sample) -> tuple[Sample, ...]:
    """Return the samples of the last minute, and the one before it."""
    begun = latest.at_ms - RATE_MS
    before = [each for each in samples if each.at_ms <= begun][-1:]
    kept = [*before, *(each for each in samples if each.at_ms > begun)]
    if len(kept) >= WINDOW:
        # A rate is that between the first and the last: what lies between can be thinner.
        kept = [kept[0], *kept[2::2]]
    return (*kept, latest)


def _judged_plan(watch: Watch, run: Live) -> Watch:
    claims = (*watch.unfounded, *_unfounded_steps(watch, run))
    return changed(watch, progress=changed(watch.progress, new=False), unfounded=claims[-WINDOW:])


def _unfounded_steps(watch: Watch, run: Live) -> Iterator[str]:
    """Yield the steps that are said to be done by a tool which never succeeded in the run."""
    pinned = {pin.name for pin in run.pinned.tools}
    for step in run.loop.plan.steps if run.loop.plan else ():
        name = f"step/{step.id[:_LONGEST_NAME]}"
        tool = (step.tool or "").strip()
        if step.status == DONE and tool in pinned - watch.succeeded and name not in watch.unfounded:
            yield name
