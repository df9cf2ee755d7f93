"""Tools that are left alone: a run waits for them, unless its agent says that it can do without."""

from __future__ import annotations

from runfold.events.values import ErrorInfo
from runfold.processors.run.behaviour import BRAKES
from runfold.processors.run.draft import Draft
from runfold.processors.run.lifecycle import endings
from runfold.processors.run.state import RoundCall

CODE = "unavailable"


def go_on_without(draft: Draft, call: RoundCall) -> None:
    """Do what the agent declares for a call that is held because its tool is left alone [134]."""
    if draft.behaviour < BRAKES:
        return
    match draft.agent().when_unavailable.get(call.tool):
        case "skip":
            draft.deny(call.call_id, CODE, draft.model("tool_unavailable", tool=call.tool))
        case "fail":
            endings.fail(draft, endings.EXIT_MODEL, _error(draft, call.tool))
        case _:
            pass


def _error(draft: Draft, tool: str) -> ErrorInfo:
    return ErrorInfo(
        error_type=CODE,
        message=draft.people("tool_unavailable", tool=tool),
        retryable=True,
        suggested_next_action=draft.people("run_it_later"),
    )
