"""What somebody who was not there is told of a run's events, in a person's words.

Ids, counts, times and costs are in the run's own history; what a run does by itself is not told.
How it ended is not either: whoever shows an ended run shows its result.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.contents.content import JSON, Content
from runfold.events.values import RunStatus
from runfold.events.wording import plain, plain_json, question_of
from runfold.surfaces.channels.composing.shortening import one_line

_MOST = 140
_SUMMARIES = ("summary", "summary_markdown", "message")

STATUS: dict[RunStatus, str] = {
    RunStatus.CREATED: "accepted",
    RunStatus.QUEUED: "waiting for its turn",
    RunStatus.WAITING_FOR_HUMAN: "waiting for a person",
    RunStatus.PAUSED: "paused",
    RunStatus.COMPLETED: "done",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "cancelled",
}
"""Where a run stands, in words; in every other state it works."""

IN_VAIN = frozenset({RunStatus.FAILED, RunStatus.CANCELLED})
"""How a run ends that did not reach its goal."""


def status_of(status: RunStatus) -> str:
    """Return where a run stands, in words."""
    return STATUS.get(status, "working")


def result_of(status: RunStatus, result: str) -> str:
    """Return a result as it is told alone, where no word beside it says that it is a failure."""
    return f"{status_of(status)}: {result}" if result and status in IN_VAIN else result


def told(fact: Fact, tools: Mapping[str, str]) -> str:  # noqa: PLR0911 - one for each kind
    """Return what a person is told of a fact, empty where it is not told; never raises.

    ``tools`` are the names of the tools by the ids of their calls.
    """
    match fact:
        case j.UserMessageReceived(kind=kind, content=content):
            what = {"goal": "the goal", "instructions": "new instructions"}.get(kind, "a message")
            return f"{what}: {_text(content)}"
        case j.HumanInputRequested(question=question):
            return f"the agent asked: {_short(question_of(question))}"
        case j.HumanInputReceived(content=content):
            return f"the answer: {_text(content)}"
        case j.PersonReplied():
            return "a person answered for the model"
        case j.RunPaused(reason=reason):
            return f"a person paused it{_because(reason)}"
        case j.RunResumed(reason=reason):
            return f"a person let it go on{_because(reason)}"
        case j.RunTakenOver(reason=reason):
            return f"a person took it over{_because(reason)}"
        case j.RunHandedBack(reason=reason):
            return f"the model goes on{_because(reason)}"
        case _:
            return _of_call(fact, tools)


def _of_call(fact: Fact, tools: Mapping[str, str]) -> str:  # noqa: PLR0911 - one for each kind
    tool = tools.get(getattr(fact, "call_id", None) or "", "") or "a call"
    match fact:
        case j.ApprovalRequested():
            return f"a person was asked whether {tool} may run"
        case j.ToolCallApproved(request_id=str(), comment=comment):
            edited = " with other arguments" if fact.arguments else ""
            return f"a person approved {tool}{edited}{_because(comment)}"
        case j.ToolCallApproved(by_deadline=True):
            return f"nobody decided on {tool} in time, so it runs"
        case j.ToolCallDenied(reason=reason):
            return f"{tool} was denied{_because(reason)}"
        case j.ToolCallSucceeded(result=result):
            summary = _summary(result)
            return f"{tool} is done{f': {summary}' if summary else ''}"
        case j.ToolCallFailed(error=error):
            return f"{tool} failed: {_short(error.message)}"
        case j.ToolCallUncertain():
            return f"{tool} may or may not have happened"
        case _:
            return ""


def _short(text: str) -> str:
    return one_line(plain(text), _MOST)


def _because(reason: str | None) -> str:
    return f": {_short(reason)}" if reason else ""


def _text(content: Content) -> str:
    if content.inline is None:
        return "a long text"
    return _short(content.inline.decode("utf-8", "replace"))


def _summary(content: Content) -> str:
    """Return what a result says of itself, empty where it is data alone, or held elsewhere."""
    if content.inline is None:
        return ""
    if content.media_type != JSON:
        return _text(content) if content.media_type.startswith("text/") else ""
    try:
        value: Any = plain_json(json.loads(content.inline))
    except (ValueError, RecursionError):
        return ""
    if isinstance(value, str):
        return _short(value)
    held = value if isinstance(value, dict) else {}
    texts = (held[name] for name in _SUMMARIES if isinstance(held.get(name), str))
    return next((_short(text) for text in texts if text.strip()), "")
