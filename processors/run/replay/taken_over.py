"""What people asked of a run that they took over, as its facts record it."""

from __future__ import annotations

from typing import Any

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.contents.content import json_content
from runfold.events.records import commands


def asked(fact: Fact) -> tuple[type[commands.Control], dict[str, Any]] | None:
    """Return the control and its own fields; None where a fact records another one."""
    match fact:
        case j.RunTakenOver(reason=reason, hold_ms=hold_ms):
            return commands.TakeOverRun, {"reason": reason, "hold_ms": hold_ms}
        case j.PersonReplied(answer=said):
            return commands.ReplyAsModel, {"text": said.text, "calls": said.tool_calls}
        case j.ResultGiven(call_id=call_id, result=result, failed=failed):
            given = {"call_id": call_id, "result": result, "failed": failed}
            return commands.GiveResult, given
        case j.RunHandedBack(reason=reason):
            return commands.HandBackRun, {"reason": reason}
        case _:
            return None


def of_ignored(kind: type[commands.Control], fact: j.RequestIgnored) -> dict[str, Any]:
    """Return what else a control of this kind that was ignored had, as far as it matters."""
    if kind is commands.ReplyAsModel:
        return {"calls": fact.calls}
    if kind is commands.GiveResult:
        return {"result": json_content(None)}
    return {}
