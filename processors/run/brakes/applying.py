"""Brakes applied: a threshold that was crossed is on record, and its reaction follows.

They are judged once a turn, when the last round is over and before the model is called again. Of
several that are crossed at once each is on record; the strictest reaction is what follows.
"""

from __future__ import annotations

from typing import NamedTuple

from runfold.events import run as j
from runfold.events.contents.content import Content, text
from runfold.events.definitions.agents.brakes import Brake, plain
from runfold.events.run import BrakeAction
from runfold.events.values import ErrorInfo
from runfold.processors.run.agent import checkpoints
from runfold.processors.run.approvals import asking
from runfold.processors.run.brakes import rolling_back
from runfold.processors.run.brakes.detectors import FIND, Finding
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import after
from runfold.processors.run.lifecycle import endings
from runfold.processors.run.people import escalating
from runfold.processors.run.state import Mark

ERROR_TYPE = "brake"
"""The error type of a run that a brake stopped."""


class _Crossed(NamedTuple):
    detector: str
    brake: Brake
    finding: Finding
    action: BrakeAction
    times: int
    back_to: Mark | None = None


def apply(draft: Draft) -> bool:
    """Judge the run; return whether its model is not to be called now."""
    watch = draft.run.loop.watch
    if watch is None:
        return False
    crossed = _crossed(draft)
    for each in crossed:
        draft.say(_applied(draft, each))
    if stops := _of(crossed, BrakeAction.STOP):
        _stop(draft, stops)
    elif hands_over := _of(crossed, BrakeAction.HAND_OVER):
        _ask(draft, "brake_hands_over", hands_over)
    elif asks := _of(crossed, BrakeAction.ASK):
        _ask(draft, "brake_asks", asks)
    else:
        return waits(draft)
    return True


def waits(draft: Draft) -> bool:
    """Whether a brake still keeps the model from being called."""
    watch = draft.run.loop.watch
    return watch is not None and watch.wait.until is not None and draft.env.now < watch.wait.until


def _crossed(draft: Draft) -> list[_Crossed]:
    run, brakes = draft.run, draft.agent().brakes
    assert run.loop.watch is not None
    found = []
    for name in run.loop.watch.detectors:
        finding, brake = FIND[name](run.loop.watch), brakes[name]
        if finding.score >= brake.threshold:
            times = run.loop.watch.applied.get(name, 0) + 1
            reaction = brake.reactions[min(times, len(brake.reactions)) - 1]
            found.append(_Crossed(name, brake, finding, BrakeAction(reaction), times))
    return _rolling_back(draft, found)


def _rolling_back(draft: Draft, crossed: list[_Crossed]) -> list[_Crossed]:
    """Return what is crossed, with the turn that is gone back to; that comes first.

    It is gone back once, to the earliest turn of those asked for: where another asks for the same
    the model thinks again. Where there is no turn to go back to, a person is asked.
    """
    watch = draft.run.loop.watch
    assert watch is not None
    asking = [each for each in crossed if each.action is BrakeAction.ROLL_BACK]
    if not asking:
        return crossed
    marks = {e.detector: rolling_back.target(watch, e.detector, e.finding.evidence) for e in asking}
    turns = [mark for mark in marks.values() if mark is not None]
    back_to = min(turns, key=lambda mark: mark.messages, default=None)
    first: list[_Crossed] = []
    others: list[_Crossed] = []
    for each in crossed:
        if each.action is not BrakeAction.ROLL_BACK:
            others.append(each)
        elif marks[each.detector] is None:
            others.append(each._replace(action=BrakeAction.ASK))
        elif first:
            others.append(each._replace(action=BrakeAction.THINK_AGAIN))
        else:
            first.append(each._replace(back_to=back_to))
    return first + others


def _of(crossed: list[_Crossed], action: BrakeAction) -> list[_Crossed]:
    return [each for each in crossed if each.action is action]


def _applied(draft: Draft, of: _Crossed) -> j.BrakeApplied:
    slow = of.action is BrakeAction.SLOW
    return j.BrakeApplied(
        pattern=of.detector,
        action=of.action,
        reason=draft.people(f"brake_{of.detector}", **_said(of)),
        score=plain(of.finding.score),
        threshold=plain(of.brake.threshold),
        evidence=of.finding.evidence,
        times=of.times,
        notice=_notice(draft, of),
        due=after(draft.env.now, of.brake.slow_ms) if slow else None,
        checkpoint_id=_checkpoint(draft, of.back_to) if of.back_to else None,
        kept_messages=of.back_to.messages if of.back_to else None,
    )


def _checkpoint(draft: Draft, mark: Mark) -> str:
    return checkpoints.name_of(draft.run.run_id, mark.step)


def _said(of: _Crossed) -> dict[str, str]:
    return {
        "score": plain(of.finding.score),
        "threshold": plain(of.brake.threshold),
        "about": of.finding.about,
    }


def _notice(draft: Draft, of: _Crossed) -> Content | None:
    # Never what a tool said: its words are not to come to the model as those of the runtime.
    evidence = draft.model(f"brake_{of.detector}", **_said(of))
    if of.action is BrakeAction.THINK_AGAIN:
        return text(f"{evidence} {draft.model('brake_think_again')}")
    if of.back_to is None:
        return None
    return text(f"{evidence} {_back(draft, of.back_to)}")


def _back(draft: Draft, mark: Mark) -> str:
    """Return what the model reads of a roll-back: where it is, and what is not undone."""
    watch = draft.run.loop.watch
    assert watch is not None
    calls = rolling_back.since(watch, mark)
    code = "rolled_back_over" if calls else "rolled_back_nothing"
    since = draft.model(code, calls=calls)
    return draft.model("brake_roll_back", checkpoint=mark.step, since=since)


def _ask(draft: Draft, code: str, asks: list[_Crossed]) -> None:
    names = ", ".join(each.detector for each in asks)
    scores = ", ".join(plain(each.finding.score) for each in asks)
    question = draft.model(code, agent=draft.run.agent.name, brakes=names, scores=scores)
    shown = asking.of_question(draft.run, draft.next_call_id(), text(question))
    draft.say(
        j.HumanInputRequested(
            question_id=shown.call_id,
            provider_call_id="",
            question=text(question),
            brake=names,
            **asking.as_recorded(draft, shown),
            **escalating.asked(draft),
        )
    )
    checkpoints.write(draft)


def _stop(draft: Draft, stops: list[_Crossed]) -> None:
    first = stops[0]
    endings.fail(
        draft,
        endings.EXIT_LIMIT,
        ErrorInfo(
            error_type=ERROR_TYPE,
            message=draft.people(f"brake_{first.detector}", **_said(first)),
            retryable=False,
            suggested_next_action=draft.people("look_at_the_brake", brake=first.detector),
        ),
    )
