"""Model calls: how one is made, and what follows from its answer or its silence [47, 48]."""

from __future__ import annotations

from decimal import Decimal

from runfold.events import run as j
from runfold.events.calls import ModelResult, Outcome
from runfold.events.contents.content import Content, json_content
from runfold.events.trusted import trusted
from runfold.events.values import ErrorInfo, ModelAnswer, ProposedCall, Usage
from runfold.processors.run.agent.calls.at_stake import is_withdrawn
from runfold.processors.run.agent.calls.attribution import attribution
from runfold.processors.run.agent.calls.open_calls import retry_or
from runfold.processors.run.agent.calls.reservations import release, reserve
from runfold.processors.run.agent.controls.control_faults import fault_of
from runfold.processors.run.agent.controls.control_tools import COMPLETE, EXITS, arguments_of
from runfold.processors.run.agent.models.models_permitted import models_permitted
from runfold.processors.run.agent.tools import proposed_calls
from runfold.processors.run.agent.tools.reasons import summary_of
from runfold.processors.run.behaviour import AT_STAKE, WITH_SIGNS
from runfold.processors.run.brakes import claims
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import outcome_of
from runfold.processors.run.lifecycle import endings
from runfold.processors.run.policy.withdrawn import withdrawn_agent
from runfold.processors.run.state import Live, ModelCall

WHAT_WAS_REDACTED = 7
"""The behaviour from which an answer says what the model was shown tokens for."""


def open_one(draft: Draft) -> bool:
    """Call the model with what it is to be shown; end the run where the money does not suffice."""
    amount = draft.agent().model.reserve_usd or draft.run.budget.dearest_call or Decimal(0)
    call_id = draft.next_call_id()
    if not reserve(draft, call_id, amount):
        return False
    _say_called(draft, ModelCall(call_id=call_id))
    return True


def begin(draft: Draft, call: ModelCall) -> None:
    """Hand the next attempt out, unless the agent was withdrawn meanwhile."""
    if error := withdrawn_agent(draft):
        endings.fail(draft, endings.EXIT_WITHDRAWN, error)
        return
    _say_called(draft, call)


def _say_called(draft: Draft, call: ModelCall) -> None:
    permitted = models_permitted(draft, call.call_id)
    if permitted is None:
        return
    run, agent, attempt = draft.run, draft.agent(), call.attempt + 1
    draft.say(
        trusted(j.ModelCalled)(
            call_id=call.call_id,
            attempt=attempt,
            model=run.pinned.model,
            fallbacks=permitted.fallbacks,
            routing_reason=_routing_reason(draft, call.tries + 1),
            prompt_version=run.pinned.prompt_version,
            context_digest=run.loop.shown,
            placement=agent.model.placement,
            timeout_ms=agent.model.timeout_ms,
            max_output_tokens=agent.model.max_output_tokens,
            judged_by=permitted.judged_by,
        )
    )


def _routing_reason(draft: Draft, number: int) -> str:
    if number == 1 and draft.run.entry.cheaper:
        return draft.people("soft_limit_reached")
    if number == 1:
        return draft.people("agents_choice")
    return draft.people("retry", number=number - 1)


def late(draft: Draft, result: ModelResult) -> None:
    """Keep what a lost answer cost on record; what it said is not heard."""
    run = draft.run
    lost = outcome_of(result.call_id, result.attempt) in run.attempts.lost
    withdrawn = run.behaviour >= AT_STAKE and is_withdrawn(run, result.call_id, result.attempt)
    cost = result.cost
    if withdrawn and result.outcome is Outcome.FAILED:
        # Nothing is paid for it, and what was set aside is free.
        cost = cost or Decimal(0)
    elif not lost or result.outcome is not Outcome.SUCCEEDED:
        return
    draft.say(
        j.LateResultNoted(
            call_id=result.call_id,
            attempt=result.attempt,
            outcome=result.outcome.value,
            answer=j.LateAnswer(
                model=result.model,
                provider=result.provider,
                usage=result.usage or Usage(),
                price=result.price,
            ),
            cost=cost,
            attribution=attribution(run),
        )
    )
    if withdrawn:
        release(draft, result.call_id, cost)


def failed(draft: Draft, call: ModelCall, result: ModelResult) -> None:
    """Record a failed model call: again after a pause where it pays, else the run fails."""
    error = result.error or ErrorInfo(
        error_type="no_answer", message=draft.people("no_answer"), retryable=True
    )
    failure = failure_of(draft.run, call, result, error)

    def give_up() -> None:
        release(draft, call.call_id)
        endings.fail(draft, endings.EXIT_MODEL, error)

    retry_or(draft, call, failure, error, draft.agent().model.retry, give_up)


def failure_of(run: Live, call: ModelCall, result: ModelResult, error: ErrorInfo) -> j.ModelFailed:
    """Return the fact that an attempt failed."""
    return j.ModelFailed(
        call_id=call.call_id,
        attempt=call.attempt,
        model=result.model,
        error=error,
        latency_ms=result.latency_ms,
        attribution=attribution(run),
        attempts=result.attempts,
    )


def lost(draft: Draft, call: ModelCall) -> None:
    """Count an answer that did not come in time as a failed call."""
    silent = ModelResult(
        run_id=draft.run.run_id,
        call_id=call.call_id,
        attempt=call.attempt,
        outcome=Outcome.FAILED,
        model=draft.run.pinned.model,
        provider="",
        latency_ms=0,
        error=ErrorInfo(error_type="timeout", message=draft.people("answer_lost"), retryable=True),
    )
    failed(draft, call, silent)


def answered(draft: Draft, call: ModelCall, result: ModelResult) -> None:
    """Record an answer and do what it asks for: end, propose calls, or hand it back as unusable."""
    run, answer = draft.run, result.answer
    if answer is None:
        failed(draft, call, result)
        return
    draft.say(
        trusted(j.ModelResponded)(
            call_id=result.call_id,
            attempt=result.attempt,
            model=result.model,
            provider=result.provider,
            decision=decision_of(draft, answer),
            answer=answer,
            usage=result.usage or Usage(),
            cost=result.cost,
            price=result.price,
            latency_ms=result.latency_ms,
            attribution=attribution(run),
            attempts=result.attempts if len(result.attempts) > 1 else (),
            time_to_first_token_ms=result.time_to_first_token_ms,
            response_id=result.response_id,
            redacted=result.redacted if run.behaviour >= WHAT_WAS_REDACTED else (),
            exposed=result.exposed if run.behaviour >= WITH_SIGNS else (),
        )
    )
    release(draft, result.call_id, result.cost)
    calls = answer.tool_calls
    if len(calls) == 1 and calls[0].name in EXITS and _may_end(draft, calls[0]):
        if denial := claims.denial(draft, calls[0]):
            proposed_calls.propose_in_vain(draft, result.call_id, answer, denial)
        else:
            end_by(draft, calls[0])
        return
    if calls:
        proposed_calls.propose_all(draft, result.call_id, answer)
    else:
        _reject(draft, result.call_id, answer)
    if not draft.has_ended() and draft.run.loop.malformed > draft.agent().max_malformed:
        _give_up_on_model(draft)


def _may_end(draft: Draft, call: ProposedCall) -> bool:
    return fault_of(draft, call) is None and not draft.run.inbox


def end_by(draft: Draft, call: ProposedCall) -> None:
    """End the run as an exit tool was called."""
    arguments = arguments_of(call) or {}
    if call.name == COMPLETE:
        endings.complete(draft, _payload(call))
        return
    error = ErrorInfo(error_type="gave_up", message=str(arguments["reason"]), retryable=False)
    endings.fail(draft, endings.EXIT_GAVE_UP, error, _payload(call))


def _payload(call: ProposedCall) -> Content:
    return json_content(arguments_of(call))


def _reject(draft: Draft, call_id: str, answer: ModelAnswer) -> None:
    issue = draft.model("cut_off" if answer.finish_reason == "length" else "no_call")
    draft.say(
        j.ReflectionRecorded(
            passed=False,
            issues=(issue,),
            next_action=draft.model("use_exits"),
            model_call_id=call_id,
        )
    )


def _give_up_on_model(draft: Draft) -> None:
    count = draft.run.loop.malformed
    endings.fail(
        draft,
        endings.EXIT_MODEL,
        ErrorInfo(
            error_type="unusable_answers",
            message=draft.people("unusable_answers", count=count),
            retryable=False,
            suggested_next_action=draft.people("change_the_model"),
        ),
    )


_KINDS = {"complete_task": "complete", "fail_task": "fail", "ask_human": "ask_human"}


def decision_of(draft: Draft, answer: ModelAnswer) -> j.DecisionRecord:
    """Return what an answer decided, in a structured form."""
    tools = tuple(call.name for call in answer.tool_calls)
    if not tools:
        kind = "respond_to_user"
    elif len(tools) == 1:
        kind = _KINDS.get(tools[0], "tool_call")
    else:
        kind = "tool_calls"
    return trusted(j.DecisionRecord)(
        decision_type=kind,
        selected_tools=tools,
        summary=summary_of(draft, answer),
        context_digest=draft.run.loop.shown,
    )
