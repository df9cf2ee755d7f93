"""While nobody decides: who is asked, who is asked next, and what happens in the end [107].

What a contract says of a time-out (``approval_timeout_ms``) is the case of no steps, and bounds
those of the agent: the earlier end holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from runfold.events import run as j
from runfold.events.definitions import ToolContract
from runfold.events.definitions.agents.escalation import Escalation
from runfold.events.definitions.tenancy.delegation import standing_in, with_role
from runfold.events.values import ErrorInfo
from runfold.processors.run.behaviour import BY_PERSON, ESCALATION
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import after
from runfold.processors.run.lifecycle import endings
from runfold.processors.run.policy.cedar.names import TOOL_APPROVE
from runfold.processors.run.policy.judging import Judged, judge_call, policies_of
from runfold.processors.run.policy.servers import servers_for
from runfold.processors.run.state import PLAIN, CallStatus, Live, RoundCall

NOT_DECIDED = "not_decided"
"""The code of what was decided by a deadline."""

APPROVED_UP_TO = 1
"""The highest risk level of a call that a deadline may approve."""


def asked(draft: Draft, contract: ToolContract | None = None) -> dict[str, Any]:
    """Return what a fact that asks a person says of time: of a call with its contract."""
    bound = _bound(contract, draft.env.now)
    said = _declared(draft, question=contract is None)
    if said is None:
        return {"deadline": bound}
    until, deadline = _times(draft, said, 0, bound)
    tool = contract.name if contract else None
    return {"deadline": deadline, "until": until, "asks": _named(draft, said.ask, tool)}


def due(draft: Draft, call: RoundCall) -> None:
    """Do what follows where nobody decided in time."""
    question = call.status is CallStatus.ASKED
    said, standing = _declared(draft, question=question), draft.run.idle.asking.get(call.call_id)
    if said is None or standing is None:
        _deny(draft, call)
        return
    bound = _bound(None if question else draft.contract(call.tool), standing.since)
    if bound is not None and draft.env.now >= bound:
        _deny(draft, call)
    elif standing.step < len(said.steps):
        _next_step(draft, call, said, standing.step + 1, bound)
    else:
        _end(draft, call, said, question=question)


def now_asked(run: Live, call_id: str) -> tuple[str, ...]:
    """Return who is asked about a call now, as facts name them; empty where anybody may answer."""
    standing = run.idle.asking.get(call_id)
    return () if standing is None else standing.asks


def _declared(draft: Draft, *, question: bool) -> Escalation | None:
    if draft.behaviour < ESCALATION:
        return None
    declared = draft.agent().escalation
    return declared.questions if question else declared.approvals


def _bound(contract: ToolContract | None, since: datetime) -> datetime | None:
    wait = contract.approval_timeout_ms if contract is not None else None
    return after(since, wait) if wait else None


def _times(
    draft: Draft, said: Escalation, step: int, bound: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """Return when the next step or the end comes, and when the end does, after a step."""
    waits = [each.after_ms for each in said.steps[step:]]
    waits += [said.end_ms] if said.end_ms is not None else []
    until = _earlier(after(draft.env.now, waits[0]) if waits else None, bound)
    ends = after(draft.env.now, sum(waits)) if said.end_ms is not None else None
    return until, _earlier(ends, bound)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _next_step(
    draft: Draft, call: RoundCall, said: Escalation, number: int, bound: datetime | None
) -> None:
    step = said.steps[number - 1]
    until, deadline = _times(draft, said, number, bound)
    draft.say(
        j.WaitEscalated(
            call_id=call.call_id,
            step=number,
            steps=len(said.steps),
            asks=_named(draft, step.ask, call.tool),
            text=step.text,
            until=until,
            deadline=deadline,
        )
    )


def _named(draft: Draft, asked: Iterable[str], tool: str | None) -> tuple[str, ...]:
    """Return who is asked, and behind them who acts for those who are absent."""
    known, now, tenant = draft.env.definitions, draft.env.now, draft.run.tenant_id
    found = dict.fromkeys(asked)
    for name in tuple(found):
        kind, _, who = name.partition("/")
        stand_ins = standing_in if kind == "user" else with_role
        for each in stand_ins(known, who, now, tenant, tool=tool):
            found[f"user/{each.delegate} for user/{each.person}"] = None
    return tuple(found)


def _end(draft: Draft, call: RoundCall, said: Escalation, *, question: bool) -> None:
    match said.end:
        case "fail":
            _fail(draft, call)
        case "approve" if not question and _may_pass(draft, call):
            draft.say(j.ToolCallApproved(call_id=call.call_id, by_deadline=True))
        case "wait":
            # The manifest cannot say when it ends, so no deadline leads here.
            pass
        case _:
            _deny(draft, call)


def _may_pass(draft: Draft, call: RoundCall) -> bool:
    """Whether time may approve a call: a low level, and policies that demand nothing of people."""
    if call.risk_level > APPROVED_UP_TO or call.consent.terms != PLAIN:
        return False
    if draft.behaviour < BY_PERSON:
        return True
    contract = draft.contract(call.tool)
    judged = judge_call(draft, contract, call.tool, call.call_id, call.arguments)
    return time_passes(draft, call, judged)


def time_passes(draft: Draft, call: RoundCall, judged: Judged) -> bool:
    """Whether a call that is judged so may run because nobody decided.

    It may where its level or its contract alone asks a person: no policy, no policy server and no
    rule about who approves may be passed by.
    """
    policies = policies_of(draft)
    if policies is None:
        return True
    spoken_of = policies.restricts(TOOL_APPROVE, "Tool", call.tool)
    served = servers_for(draft, draft.contract(call.tool)) is not None
    return not judged.asks and judged.terms == PLAIN and not spoken_of and not served


def _deny(draft: Draft, call: RoundCall) -> None:
    draft.deny(call.call_id, NOT_DECIDED, draft.model("not_decided"))


def _fail(draft: Draft, call: RoundCall) -> None:
    endings.fail(
        draft,
        endings.EXIT_LIMIT,
        ErrorInfo(
            error_type=NOT_DECIDED,
            message=draft.people("nobody_decided", call=call.call_id, tool=call.tool),
            retryable=True,
            suggested_next_action=draft.people("ask_in_time"),
        ),
    )
