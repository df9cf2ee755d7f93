"""Calls that need a person, and calls that policies must let pass once more."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.content import Content
from runfold.events.definitions import ToolContract
from runfold.processors.run.agent.checkpoints import write
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import after
from runfold.processors.run.policy.judging import (
    FORBIDDEN,
    judge_call,
    judged_now,
    policies_of,
)
from runfold.processors.run.policy.rules import NEEDS_APPROVAL
from runfold.processors.run.state import RoundCall


def request_approval(
    draft: Draft, call_id: str, contract: ToolContract, arguments: Content
) -> None:
    """Have a call wait for a person."""
    wait = contract.approval_timeout_ms
    call = draft.run.loop.call(call_id)
    draft.say(
        j.ApprovalRequested(
            call_id=call_id,
            tool=contract.name,
            question=draft.people("may_call", agent=draft.run.agent.name, tool=contract.name),
            arguments_digest=arguments.digest,
            risk_level=contract.risk_level,
            deadline=after(draft.env.now, wait) if wait else None,
            dry_run=call.proposal.dry_run if isinstance(call, RoundCall) else None,
        )
    )
    write(draft)


def still_permitted(draft: Draft, call: RoundCall) -> bool:
    """Whether policies let a call begin that an earlier decision let pass, as they are now.

    It was approved by a person, perhaps with other arguments, or is tried again. Where it may not
    begin, what becomes of it is said.
    """
    if policies_of(draft) is None or judged_now(draft, call.call_id):
        return True
    contract = draft.contract(call.tool)
    decision, refusal = judge_call(draft, contract, call.tool, call.call_id, call.arguments)
    draft.say(decision)
    if refusal is not None:
        draft.deny(call.call_id, FORBIDDEN, refusal)
        return False
    if NEEDS_APPROVAL in decision.obligations and call.approval != "approved":
        request_approval(draft, call.call_id, contract, call.arguments)
        return False
    return True
