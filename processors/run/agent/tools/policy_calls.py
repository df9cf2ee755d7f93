"""Policy servers: asked before a tool call begins, outside of the decision, their answer an input.

    permitted by the rules ──▶ asked ──▶ answered: begins, waits for a person, or is denied
                                │  ▲
                                ▼  │
                               held (no answer that can be used; or denied, where it says so)

A server is heard after the rules in force and only adds to them. It is asked at each beginning of
a call, and again where other policies are in force when its answer comes.
"""

from __future__ import annotations

from collections.abc import Sequence

from runfold.events import run as j
from runfold.events.calls import PolicyQuestion, PolicyResult, ServerAnswer
from runfold.events.definitions import ToolContract
from runfold.events.values import ErrorInfo, Placement
from runfold.processors.run.agent.calls.beginnings import hold
from runfold.processors.run.agent.tools.approving import request_approval
from runfold.processors.run.behaviour import BY_PERSON
from runfold.processors.run.draft import Draft
from runfold.processors.run.policy.judging import (
    FORBIDDEN,
    changed_since,
    circumstances,
    judge_call,
)
from runfold.processors.run.policy.rules import NEEDS_APPROVAL
from runfold.processors.run.policy.server_input import input_of
from runfold.processors.run.policy.servers import Servers, servers_for
from runfold.processors.run.state import CallStatus, Live, PolicyCall, RoundCall

UNANSWERED = "policy_server"
"""The code of a question that is held because nobody is left to answer it in this process."""

_OVERHEAD_MS = 1_000


def asked_about(run: Live, call_id: str) -> PolicyCall | None:
    """Return the open question about a call, None where servers are asked nothing of it."""
    if len(run.loop.calls) < 2:
        return None
    found = (call for call in run.loop.calls if isinstance(call, PolicyCall))
    return next((call for call in found if call.about == call_id), None)


def cleared(draft: Draft, call: RoundCall, contract: ToolContract) -> bool:
    """Whether a call may begin as far as policy servers have a say; else they are asked."""
    servers = servers_for(draft, contract)
    if servers is None or _permitted_now(draft, call.call_id):
        return True
    _ask(draft, draft.next_call_id(), 1, call, servers)
    return False


def begin(draft: Draft, asked: PolicyCall) -> None:
    """Ask again, about the call as it is now; where nobody is to be asked, the call goes on."""
    call = draft.run.loop.call(asked.about)
    if isinstance(call, RoundCall) and call.status is CallStatus.APPROVED:
        servers = servers_for(draft, draft.contract(call.tool))
        if servers is not None:
            _ask(draft, asked.call_id, asked.attempt + 1, call, servers)
            return
    draft.say(
        j.PolicyAnswered(
            call_id=asked.call_id, attempt=asked.attempt, about=asked.about, latency_ms=0
        )
    )


def answered(draft: Draft, asked: PolicyCall, result: PolicyResult) -> None:
    """Record the answers and what follows of them; the call begins, or not, right after."""
    if [each.policy for each in result.answers] != [each.policy for each in asked.questions]:
        error = ErrorInfo(error_type=UNANSWERED, message="answers are missing", retryable=True)
        _unanswered(draft, asked, error, result.latency_ms)
        return
    outdated = changed_since(draft, asked)
    draft.say(
        j.PolicyAnswered(
            call_id=asked.call_id,
            attempt=asked.attempt,
            about=asked.about,
            latency_ms=result.latency_ms,
            answers=result.answers,
            input_digest=result.input_digest,
        )
    )
    call = draft.run.loop.call(asked.about)
    if outdated or not isinstance(call, RoundCall) or call.status is not CallStatus.APPROVED:
        # What follows asks again, under the policies of now.
        return
    for question, answer in zip(asked.questions, result.answers, strict=True):
        draft.say(_decided(draft, call, asked, question, answer))
    for answer in result.answers:
        if not answer.permitted:
            why = f": {answer.reason.rstrip('.')}" if answer.reason else ""
            reason = draft.model("server_denies", policy=answer.policy, why=why)
            draft.deny(call.call_id, FORBIDDEN, reason)
            return
    if any(each.asks_person for each in result.answers) and not _by_person(draft, call):
        contract = draft.contract(call.tool)
        terms = judge_call(draft, contract, call.tool, call.call_id, call.arguments).terms
        request_approval(draft, call.call_id, contract, call.arguments, terms)


def _by_person(draft: Draft, call: RoundCall) -> bool:
    """Whether a person has approved a call; time that passed is none."""
    by_time = call.consent.by_time and draft.behaviour >= BY_PERSON
    return call.approval == "approved" and not by_time


def failed(draft: Draft, asked: PolicyCall, result: PolicyResult) -> None:
    """Deny the call that nobody judged, or hold it, as its policies say."""
    error = result.error or ErrorInfo(
        error_type=UNANSWERED, message=draft.people("no_reason_given"), retryable=True
    )
    _unanswered(draft, asked, error, result.latency_ms)


def lost(draft: Draft, asked: PolicyCall) -> None:
    """Take silence for no answer."""
    error = ErrorInfo(error_type="timeout", message=draft.people("answer_lost"), retryable=True)
    _unanswered(draft, asked, error, 0)


def timeout_of(questions: Sequence[PolicyQuestion]) -> int:
    """Return how long all questions may take together, in ms: they are asked one after another."""
    return sum(each.timeout_ms for each in questions) + _OVERHEAD_MS


def _permitted_now(draft: Draft, call_id: str) -> bool:
    """Whether servers have permitted a call in this very decision."""
    return any(
        isinstance(fact, j.PolicyDecided) and fact.call_id == call_id and fact.server is not None
        for fact, _ in draft.steps
    )


def _ask(draft: Draft, call_id: str, attempt: int, call: RoundCall, servers: Servers) -> None:
    contract = draft.contract(call.tool)
    about = input_of(draft.agent(), contract, call.arguments, circumstances(draft.run, draft.env))
    draft.say(
        j.PolicyAsked(
            call_id=call_id,
            attempt=attempt,
            about=call.call_id,
            placement=Placement.LOCAL,
            timeout_ms=timeout_of(servers.questions),
            questions=servers.questions,
            input=about,
            policy_digest=servers.digest,
            denies=servers.denies,
        )
    )


def _unanswered(draft: Draft, asked: PolicyCall, error: ErrorInfo, latency_ms: int) -> None:
    if not asked.denies:
        hold(draft, asked, error.error_type, error.message, error.retry_after_ms)
        return
    draft.say(
        j.PolicyUnanswered(
            call_id=asked.call_id,
            attempt=asked.attempt,
            about=asked.about,
            latency_ms=latency_ms,
            error=error,
        )
    )
    call = draft.run.loop.call(asked.about)
    if not isinstance(call, RoundCall) or call.status is not CallStatus.APPROVED:
        return
    names = ", ".join(each.policy for each in asked.questions)
    reason = draft.people("server_silent", policy=names, problem=error.message)
    for question in asked.questions:
        draft.say(_fact(draft, call, asked, question, reason=reason, permitted=False))
    draft.deny(call.call_id, FORBIDDEN, draft.model("server_silent", policy=names))


def _decided(
    draft: Draft, call: RoundCall, asked: PolicyCall, question: PolicyQuestion, said: ServerAnswer
) -> j.PolicyDecided:
    code = "server_denies" if not said.permitted else "server_permits"
    if said.permitted and said.asks_person:
        code = "server_permits_asking"
    because = {"why": said.reason} if said.reason and not said.permitted else {}
    code = f"{code}_because" if because else code
    reason = draft.people(code, policy=said.policy, **because)
    made = _fact(draft, call, asked, question, reason=reason, permitted=said.permitted)
    assert made.server is not None
    server = made.server.model_copy(
        update={"decision_id": said.decision_id, "revision": said.revision}
    )
    asks = said.permitted and said.asks_person
    obligations = (NEEDS_APPROVAL,) if asks else ()
    return made.model_copy(update={"server": server, "obligations": obligations})


def _fact(
    draft: Draft,
    call: RoundCall,
    asked: PolicyCall,
    question: PolicyQuestion,
    *,
    reason: str,
    permitted: bool,
) -> j.PolicyDecided:
    agent, contract = draft.agent(), draft.contract(call.tool)
    return j.PolicyDecided(
        call_id=call.call_id,
        effect=j.PolicyEffect.PERMIT if permitted else j.PolicyEffect.FORBID,
        policy_ids=(question.policy,),
        policy_digest=asked.judged_by or b"",
        principal=f"agent/{agent.name}@{agent.version}",
        action="tool.call",
        resource=f"tool/{contract.name}@{contract.version}",
        reason=reason,
        server=j.ServerDecision(path=question.path, input_digest=asked.input.digest),
    )
