"""Detectors: what each finds in what is remembered of a run, as a score with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from operator import attrgetter

from runfold.events.border import amount_of
from runfold.processors.run.brakes.memory import RATE_MS
from runfold.processors.run.state import Sample, Seen, Watch

_DIGITS = Context(prec=50)
_LONGEST_CYCLE = 4
_MOST_EVIDENCE = 32


@dataclass(frozen=True, slots=True)
class Finding:
    """A score, what it stands on (ids of calls, ``step/…``), and the tool that it is about."""

    score: Decimal | int
    evidence: tuple[str, ...] = ()
    about: str = ""


NOTHING = Finding(0)


def _repeated(key: Callable[[Seen], bytes], detector: str) -> Callable[[Watch], Finding]:
    """Return what counts calls that share a key, the most frequent of them."""

    def find(watch: Watch) -> Finding:
        groups: dict[bytes, list[Seen]] = {}
        for call in _fresh(watch, detector):
            groups.setdefault(key(call), []).append(call)
        if not groups:
            return NOTHING
        # The latest of those that are as frequent.
        most = max(groups.values(), key=lambda group: (len(group), group[-1].number))
        return Finding(len(most), _ids(most), most[-1].tool)

    return find


def _error_streak(watch: Watch) -> Finding:
    return Finding(len(watch.errors), watch.errors)


def _no_progress(watch: Watch) -> Finding:
    return Finding(watch.progress.turns, ("plan",) if watch.progress.turns else ())


def _oscillation(watch: Watch) -> Finding:
    """Find the same two to four calls, or states of the plan, in turn."""
    calls = _fresh(watch, "oscillation")
    length, times = _cycle([call.alike for call in calls])
    states, plans = _cycle(watch.progress.states)
    if plans > times:
        return Finding(plans, ("plan",), f"{states} states of the plan")
    return Finding(times, _ids(calls[-length * times :]) if times else (), f"{length} calls")


def _cycle(keys: Sequence[bytes]) -> tuple[int, int]:
    """Return the length of the cycle that the keys end with, and how often it was gone through."""
    best = (0, 0)
    for length in range(2, _LONGEST_CYCLE + 1):
        last = keys[-length:]
        if len(last) < length or len(set(last)) == 1:
            continue
        times = 1
        while keys[-length * (times + 1) : -length * times] == last:
            times += 1
        # Once is no cycle, and two calls four times in turn are not four of them, twice.
        if times > 1 and times > best[1]:
            best = (length, times)
    return best


def _cost_velocity(watch: Watch) -> Finding:
    first, last = _ends(watch, "cost_velocity")
    paid = _DIGITS.multiply(last.cost - first.cost, Decimal(RATE_MS))
    return Finding(amount_of(_DIGITS.divide(paid, Decimal(_elapsed(first, last)))))


def _token_velocity(watch: Watch) -> Finding:
    first, last = _ends(watch, "token_velocity")
    return Finding((last.tokens - first.tokens) * RATE_MS // _elapsed(first, last))


def _elapsed(first: Sample, last: Sample) -> int:
    # A short time with one large answer in it is no rate.
    return max(last.at_ms - first.at_ms, RATE_MS)


def _ends(watch: Watch, detector: str) -> tuple[Sample, Sample]:
    """Return the first and the last sample of what has not been taken as evidence before."""
    since = watch.since.get(detector, -1)
    before = [each for each in watch.samples if each.at_ms <= since][-1:]
    fresh = [*before, *(each for each in watch.samples if each.at_ms > since)]
    return fresh[0], fresh[-1]


def _unfounded_claims(watch: Watch) -> Finding:
    return Finding(len(watch.unfounded), watch.unfounded)


def _tainted_call(watch: Watch) -> Finding:
    """Find the most dangerous of the calls that were asked for after strangers had been read."""
    calls = [call for call in _fresh(watch, "tainted_call") if call.tainted and call.risk > 0]
    if not calls:
        return NOTHING
    worst = max(calls, key=lambda call: (call.risk, -call.number))
    return Finding(worst.risk, (worst.call_id,), worst.tool)


def _goal_drift(watch: Watch) -> Finding:
    said = watch.progress.judged
    return NOTHING if said.score is None else Finding(said.score, (said.call_id,))


def _fresh(watch: Watch, detector: str) -> list[Seen]:
    since = watch.since.get(detector, 0)
    return [call for call in watch.calls if call.number > since]


def _ids(calls: Sequence[Seen]) -> tuple[str, ...]:
    return tuple([call.call_id for call in calls[-_MOST_EVIDENCE:]])


FIND: Mapping[str, Callable[[Watch], Finding]] = {
    "same_calls": _repeated(attrgetter("same"), "same_calls"),
    "similar_calls": _repeated(attrgetter("alike"), "similar_calls"),
    "error_streak": _error_streak,
    "no_progress": _no_progress,
    "oscillation": _oscillation,
    "cost_velocity": _cost_velocity,
    "token_velocity": _token_velocity,
    "unfounded_claims": _unfounded_claims,
    "tainted_call": _tainted_call,
    "goal_drift": _goal_drift,
}
"""The detectors by their names, in the order in which they are asked."""
