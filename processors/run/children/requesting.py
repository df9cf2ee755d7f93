"""A call whose tool is an agent: it is made by a run of its own, within what its parent has left.

A contract says so by ``implementation: agent:NAME`` or ``agent:NAME@VERSION``. The call is judged,
approved, tried again and shown like any other; only who makes it differs.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from runfold.events import run as j
from runfold.events.calls.children import Lineage
from runfold.events.contents.content import Content, text
from runfold.events.definitions import ToolContract
from runfold.events.json_schema import loaded
from runfold.events.values import DataClassification, Limits, RunRequest
from runfold.processors.run.agent.calls.reservations import reserve
from runfold.processors.run.behaviour import BY_TREE
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import after, working_deadline
from runfold.processors.run.lifecycle import extending
from runfold.processors.run.state import Live, RoundCall

AGENT = "agent:"
"""How a contract begins whose calls are made by runs."""

MOST_DEEP = 8
"""How many runs may stand above one another."""

SOURCE = "run"
"""The source of a request that another run made."""


def agent_of(contract: ToolContract) -> tuple[str, str | None] | None:
    """Return the name and the version of the agent that makes a tool's calls, None if none does."""
    if not contract.implementation.startswith(AGENT):
        return None
    name, _, version = contract.implementation.removeprefix(AGENT).partition("@")
    return name, version or None


def is_child(draft: Draft, contract: ToolContract) -> bool:
    """Whether a call of this tool is made by a run of its own."""
    return draft.behaviour >= BY_TREE and agent_of(contract) is not None


def refusal_of(run: Live, contract: ToolContract) -> tuple[str, dict[str, str | int]] | None:
    """Return why this run may not ask for another, as the code of a text with its parameters."""
    named = agent_of(contract)
    assert named is not None
    if named[0] in path_of(run):
        return "agent_in_its_own_path", {"agent": named[0], "path": " > ".join(path_of(run))}
    if depth_of(run) >= MOST_DEEP:
        return "too_deep", {"limit": MOST_DEEP}
    return None


def depth_of(run: Live) -> int:
    """Return how many runs stand above this one."""
    return run.pinned.lineage.depth if run.pinned.lineage else 0


def path_of(run: Live) -> tuple[str, ...]:
    """Return the agents above this run, and its own."""
    above = run.pinned.lineage.path if run.pinned.lineage else ()
    return (*above, run.agent.name)


def share(draft: Draft, call: RoundCall, contract: ToolContract) -> Limits | None:
    """Return the limits of the run that will make a call, with its money set aside; None for none.

    The call is denied then, or the run has met its own limit; either is on record.
    """
    if refusal := refusal_of(draft.run, contract):
        code, told = refusal
        draft.deny(call.call_id, code, draft.model(code, **told))
        return None
    limits = _left(draft.run, call)
    if _met(draft, limits):
        return None
    if limits.max_cost is not None and not reserve(draft, call.call_id, limits.max_cost):
        return None
    return limits


def _met(draft: Draft, share: Limits) -> bool:
    """Whether nothing is left to give away: the run has met its limit, which is on record then."""
    run = draft.run
    limits = run.limits
    if share.max_cost is not None and share.max_cost <= 0:
        extending.limit_met(draft, "max_cost", run.spent, limits.max_cost)
    elif share.max_total_tokens is not None and share.max_total_tokens <= 0:
        extending.limit_met(draft, "max_total_tokens", run.spent_tokens, limits.max_total_tokens)
    else:
        return False
    return True


def ask(draft: Draft, call_id: str, contract: ToolContract, limits: Limits) -> None:
    """Ask for the run that makes a call which is out."""
    run, now = draft.run, draft.env.now
    call = run.loop.call(call_id)
    assert isinstance(call, RoundCall)
    name, version = agent_of(contract) or ("", None)
    asked = run.request
    draft.say(
        j.ChildRunRequested(
            call_id=call.call_id,
            attempt=call.attempt,
            request=RunRequest(
                run_id=child_id(run, call, now),
                tenant_id=run.tenant_id,
                user_id=asked.user_id,
                agent=name,
                agent_version=version,
                goal=_goal(call.arguments),
                requested_at=now,
                roles=asked.roles,
                scopes=asked.scopes,
                limits=limits,
                data_classification=DataClassification(asked.data_classification),
                region=asked.region,
                labels=asked.labels,
                feature=asked.feature,
                priority=asked.priority,
                parent_run_id=run.run_id,
                root_run_id=asked.root_run_id or run.run_id,
                parent_call_id=call.call_id,
                variant=asked.variant,
                source=SOURCE,
                deadline=_deadline(run, now, contract),
                origin=asked.origin,
            ),
            lineage=Lineage(
                depth=depth_of(run) + 1,
                attempt=call.attempt,
                path=path_of(run),
                taint=run.loop.taint,
            ),
        )
    )


def child_id(run: Live, call: RoundCall, now: datetime) -> str:
    """Return the id of the run that makes an attempt: a UUIDv7 that follows from the decision.

    It follows from what was said in the run as well, so that nobody else can ask for it before.
    """
    said = (run.request.goal.digest, run.loop.transcript.digest, call.arguments.digest)
    named = f"{call.call_id}/{call.attempt}".encode()
    drawn = int.from_bytes(hashlib.sha256(b"".join((named, *said))).digest()[:10])
    millis = int(now.timestamp() * 1000)
    low = drawn & ((1 << 62) - 1)
    high = (drawn >> 62) & 0xFFF
    return str(UUID(int=millis << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low))


def _left(run: Live, call: RoundCall) -> Limits:
    """Return what the run has left, which is the most that its child may use."""
    limits = run.limits
    cost = tokens = None
    if limits.max_cost is not None:
        spent = run.spent + run.budget.reserved
        cost = max(limits.max_cost - spent, Decimal(0)) / (2 + _waiting(run, call))
    if limits.max_total_tokens is not None:
        spent_tokens = run.spent_tokens + _given(run)
        tokens = max(limits.max_total_tokens - spent_tokens, 0) // (2 + _waiting(run, call))
    return Limits(max_cost=cost, max_total_tokens=tokens)


def _waiting(run: Live, call: RoundCall) -> int:
    """Return how many other calls of this round are still to begin: each has its share."""
    others = (each for each in run.loop.round if each.call_id != call.call_id)
    return sum(each.attempt == 0 and each.reply is None for each in others)


def _given(run: Live) -> int:
    return sum(call.child.max_tokens for call in run.loop.round if call.child is not None)


def _deadline(run: Live, now: datetime, contract: ToolContract) -> datetime:
    found = (working_deadline(run), run.request.deadline, after(now, contract.timeout_ms))
    return min(each for each in found if each is not None)


def _goal(arguments: Content) -> Content:
    """Return what the child is asked for: the argument ``goal`` where it is alone, else all."""
    said = loaded(arguments.inline or b"")
    goal = said.get("goal") if isinstance(said, dict) and len(said) == 1 else None
    if isinstance(goal, str) and goal.strip():
        return text(goal)
    return text((arguments.inline or b"").decode("utf-8", "replace"))
