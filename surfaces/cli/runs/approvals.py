"""``approvals``: what waits for a person, with all that is needed to decide, on the screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.application.shapes import Approval
from runfold.surfaces.cli import output
from runfold.surfaces.cli.runs.asking import command_for
from runfold.surfaces.words import shortened, spent

_ARGUMENTS = 600
_GOAL = 200


def show_approvals(found: Sequence[Approval], *, json: bool) -> None:
    """Print what waits, the oldest first, each with what it would do and the command for it."""
    if json:
        output.as_json(found)
        return
    console = output.console()
    if not found:
        console.print("Nothing waits.")
    for each in found:
        console.print(f"{output.short(each.call_id)}  {each.question}", style="bold", markup=False)
        for name, value in lines(each):
            console.print(f"  {name:<10} {value}", markup=False)


def lines(each: Approval) -> Iterator[tuple[str, str]]:
    """Yield what a person must know to decide, by name."""
    if each.tool is not None:
        version = f"@{each.tool_version}" if each.tool_version else ""
        yield "tool", f"{each.tool}{version}"
    if each.arguments is not None:
        yield "arguments", shortened(to_json(each.arguments), _ARGUMENTS)
    if each.tool is not None:
        yield "effect", _effect(each)
    if each.options:
        yield "options", shortened(to_json(each.options), _ARGUMENTS)
    agent = f"{each.agent} {each.agent_version}" if each.agent_version else each.agent
    yield "agent", f"{agent} for {each.user_id} of {each.tenant_id}"
    yield "goal", shortened(each.goal, _GOAL)
    yield "cost", f"{spent(each.cost_usd, each.unpriced_calls)} so far"
    if each.asks:
        yield "asked", _asked(each)
    until = f", decided without you at {output.moment(each.deadline)}" if each.deadline else ""
    yield "since", f"{output.moment(each.requested_at)}{until}"
    if each.approvals_needed is not None and (each.approvals_needed > 1 or each.approved_by):
        yield "approved", _approved(each)
    if each.may_hold_for:
        yield "holds for", _holds_for(each)
    if each.shown_digest is not None:
        yield "digest", each.shown_digest
    yield "decide", command_for(each.kind, each.call_id, each.shown_digest)


def _approved(each: Approval) -> str:
    by = f", by {', '.join(each.approved_by)}" if each.approved_by else ""
    others = "" if (each.terms or {}).get("requester", True) else f"; not by {each.user_id}"
    return f"{len(each.approved_by)} of {each.approvals_needed}{by}{others}"


def _holds_for(each: Approval) -> str:
    if len(each.may_hold_for) == 1:
        return "this call alone"
    return f"this call, or with --for: {', '.join(each.may_hold_for[1:])}"


def _asked(each: Approval) -> str:
    """Return who is asked now, at which step, and until when."""
    step = f" (step {each.step} of {each.steps})" if each.step else ""
    until = f" until {output.moment(each.asks_until)}" if each.asks_until else ""
    told = f": {shortened(each.asks_text)}" if each.asks_text else ""
    return f"{', '.join(each.asks)}{step}{until}{told}"


def _effect(each: Approval) -> str:
    undone = {True: "can be undone", False: "CANNOT be undone", None: "not said whether undoable"}
    risk = f"risk {each.risk_level} {each.risk}" if each.risk else "risk not known"
    return f"{each.effect or 'its contract does not say'} ({risk}; {undone[each.reversible]})"
