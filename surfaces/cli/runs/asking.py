"""The command that answers what waits for a person, as it is typed."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.surfaces.cli import output

TO_TYPE = "  → "
"""What stands before what to do."""

_DIGITS = 12
"""How many digits of a digest are typed: enough to tell what was shown from what was not."""


def command_for(kind: str, call_id: str, shown: str | None = None) -> str:
    """Return what to type about a wait: approval, tool_call, question, uncertain or limit.

    ``shown`` is the digest of what is shown beside it, so that nothing else is decided.
    """
    call = output.short(call_id)
    if shown is not None:
        call = f"{call} --digest {shown[:_DIGITS]}"
    match kind:
        case "limit":
            run = call.rpartition(".")[0]
            return f"runfold extend {run} --usd AMOUNT, or runfold extend {run} --no"
        case "question":
            return f"runfold answer {call} 'TEXT'"
        case "uncertain":
            return f"runfold resolve {call} --happened, or --did-not-happen"
        case _:
            return f"runfold approve {call}, or runfold deny {call} --reason 'WHY'"


def command_of(fact: Fact) -> tuple[str, str] | None:
    """Return the call that an event asks a person about and what to type, None for others."""
    match fact:
        case j.ApprovalRequested(call_id=call):
            return call, command_for("approval", call)
        case j.ToolCallUncertain(call_id=call):
            return call, command_for("uncertain", call)
        case j.HumanInputRequested(question_id=call):
            return call, command_for("question", call)
        case j.ExtensionAwaited(question_id=call):
            return call, command_for("limit", call)
        case _:
            return None


_AFTER = {
    "already_approved": "somebody else must approve as well: {waits} says who has",
    "forbidden": "a policy does not let you: ask somebody whom it does, or see {explained}",
    "not_shown": "say with --digest what you were shown: {waits} shows it",
    "stale": "look again at what waits now: {waits}",
}
_ON_CALLS = frozenset(
    {"AnswerQuestion", "ApproveToolCall", "DenyToolCall", "GiveResult", "ResolveToolCall"}
)


def after_ignored(run_id: str, control: str, code: str | None) -> str:
    """Return what to do about a control that changed nothing."""
    run = output.short(run_id)
    waits = f"runfold approvals --run {run}"
    if code in _AFTER:
        return _AFTER[code].format(waits=waits, explained=f"runfold logs {run} --all")
    if control in _ON_CALLS:
        return f"what waits for a person in this run, and its number: {waits}"
    return f"how the run stands: runfold status {run}"


def call_of(fact: Fact) -> str | None:
    """Return the call that an event is about, None where it is about none."""
    return getattr(fact, "call_id", None) or getattr(fact, "question_id", None)
