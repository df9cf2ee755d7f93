"""Between handing out and beginning: a call is permitted, held, or handed out again (ADR 44)."""

from __future__ import annotations

import hashlib

from runfold.events import run as j
from runfold.events.calls import BeginAnswered, BeginRequested
from runfold.events.values import ErrorInfo, Placement
from runfold.processors.run.agent.models.models_permitted import models_permitted
from runfold.processors.run.agent.tools import unavailable
from runfold.processors.run.agent.tools.approving import still_permitted
from runfold.processors.run.behaviour import BY_PERMISSION
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import after, outcome_of
from runfold.processors.run.lifecycle import endings, gate
from runfold.processors.run.policy.judging import changed_since
from runfold.processors.run.policy.servers import servers_for
from runfold.processors.run.policy.withdrawn import withdrawn_agent, withdrawn_tool
from runfold.processors.run.state import CallStatus, Live, ModelCall, OpenCall, RoundCall, RunState

UNDECIDABLE = "undecidable"
"""The code of a call of which a bug left open whether it may begin."""

OTHER_POLICIES = "other_policies"
"""The code of a call that policy servers permitted under other policies than those of now."""

OTHER_FALLBACKS = "other_fallbacks"
"""The code of a model call whose work names a fallback that policies now forbid."""

CIRCUIT_OPEN = "circuit_open"
"""The code of a call whose tool or model failed so often that it is left alone for a while."""

SHUT = {gate.PAUSED: "is_paused", gate.AWAITS_MORE: "awaits_more"}
"""How people read why a run begins nothing."""

_OWN = frozenset({*SHUT, UNDECIDABLE, OTHER_FALLBACKS, OTHER_POLICIES})
"""Codes that the run itself gives, and no process."""

_FIRST_PAUSE_MS = 1_000
_LONGEST_PAUSE_MS = 60_000
_LONGEST_ASKED_MS = 600_000
_PATIENT = 60


def asked(draft: Draft, question: BeginRequested) -> None:
    """Decide whether a call may begin now; what is not wanted any more changes nothing."""
    call = _out(draft.state, question)
    if call is None or question.by in call.beginning.by:
        return
    if not call.beginning.by and not _may_begin(draft, call):
        return
    # Whoever asks after another was permitted has found its work without a result.
    draft.say(
        j.CallBegun(call_id=call.call_id, attempt=call.attempt, kind=call.kind, by=question.by)
    )


def undecided(draft: Draft, question: BeginRequested, reason: str) -> None:
    """Hold a call of which it could not be decided whether it may begin."""
    call = _out(draft.state, question)
    if call is not None and not call.beginning.by:
        hold(draft, call, UNDECIDABLE, reason)


def answer(state: RunState | None, question: BeginRequested) -> BeginAnswered:
    """Return what a question is answered with, given the state after it was decided."""
    call = _out(state, question)
    return BeginAnswered(
        run_id=question.run_id,
        call_id=question.call_id,
        attempt=question.attempt,
        by=question.by,
        granted=call is not None and question.by in call.beginning.by,
        number=question.number,
    )


def could_not_begin(draft: Draft, call: OpenCall, error: ErrorInfo | None) -> None:
    """Hold a call that its processor could not begin."""
    if error is None:
        hold(draft, call, "no_reason", draft.people("no_reason_given"))
    else:
        code = error.error_type
        if code in _OWN:
            code = f"reported_{code}"
        hold(draft, call, code, error.message, error.retry_after_ms)
        # What another has begun may have happened: only its own result can say.
        if code == CIRCUIT_OPEN and isinstance(call, RoundCall) and not call.beginning.by:
            unavailable.go_on_without(draft, call)


def hold(
    draft: Draft, call: OpenCall, code: str, reason: str, retry_after_ms: int | None = None
) -> None:
    """Have a call wait for its next attempt: longer each time, and each call for itself."""
    asked_for = min(max(retry_after_ms or 0, 0), _LONGEST_ASKED_MS)
    held = call.beginning.held
    # What has waited for an hour is looked at less often: each look carries the whole work.
    longest = _LONGEST_PAUSE_MS if held < _PATIENT else 10 * _LONGEST_PAUSE_MS
    pause = min(_FIRST_PAUSE_MS * 2 ** min(held, 10), longest)
    delay = max(asked_for, pause // 2) + pause // 2 * _share(call) // 256
    draft.say(
        j.CallHeld(
            call_id=call.call_id,
            attempt=call.attempt,
            kind=call.kind,
            code=code,
            reason=reason,
            due=after(draft.env.now, delay),
            delay_ms=delay,
            retry_after_ms=retry_after_ms,
        )
    )


def hand_out_again(draft: Draft, call: OpenCall) -> None:
    """Hand out the same attempt once more: nobody has begun it, and its work may be lost."""
    draft.say(
        j.CallHandedOutAgain(
            call_id=call.call_id,
            attempt=call.attempt,
            placement=Placement.POOL if call.pooled else Placement.LOCAL,
            times=call.beginning.handed_out + 1,
        )
    )


def _may_begin(draft: Draft, call: OpenCall) -> bool:
    if code := gate.shut(draft.run):
        hold(draft, call, code, draft.people(SHUT[code]))
        return False
    if isinstance(call, RoundCall):
        if reason := withdrawn_tool(draft, call.tool):
            draft.deny(call.call_id, "withdrawn", reason)
            return False
        if changed_since(draft, call):
            return still_permitted(draft, call) and not _servers_unheard(draft, call)
    elif error := withdrawn_agent(draft):
        endings.fail(draft, endings.EXIT_WITHDRAWN, error)
        return False
    if isinstance(call, ModelCall) and changed_since(draft, call):
        return _models_still_permitted(draft, call)
    return True


def _servers_unheard(draft: Draft, call: RoundCall) -> bool:
    """Whether policy servers must be asked again about a call that is out: by its next attempt."""
    if servers_for(draft, draft.contract(call.tool)) is None:
        return False
    hold(draft, call, OTHER_POLICIES, draft.people("other_policies"))
    return True


def _models_still_permitted(draft: Draft, call: ModelCall) -> bool:
    """Whether policies let a model call begin that others permitted.

    Its work names the fallbacks of then: where one of them may not be called any more, the call is
    held, and the next attempt names the others.
    """
    models = models_permitted(draft, call.call_id)
    if models is None:
        return False
    if set(call.fallbacks) <= set(models.fallbacks):
        return True
    hold(draft, call, OTHER_FALLBACKS, draft.people("other_fallbacks"))
    return False


def _out(state: RunState | None, question: BeginRequested) -> OpenCall | None:
    """Return the call that a question is about, None where that attempt is not out any more."""
    if not isinstance(state, Live) or state.behaviour < BY_PERMISSION:
        return None
    call = state.loop.call(question.call_id)
    if call is None or call.status is not CallStatus.RUNNING or call.attempt != question.attempt:
        return None
    return call


def _share(call: OpenCall) -> int:
    """Return from 0 to 255, by chance and always the same: so that not all come back at once."""
    return hashlib.sha256(outcome_of(call.call_id, call.attempt).encode()).digest()[0]
