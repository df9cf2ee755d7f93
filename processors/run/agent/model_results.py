"""What follows from a model's answer, or from its silence [47, 48]."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

from runfold.events import run as j
from runfold.events.calls import ModelResult, Outcome
from runfold.events.content import Content, json_content
from runfold.events.trusted import trusted
from runfold.events.values import Attribution, ErrorInfo, ModelAnswer, ProposedCall, Usage
from runfold.processors.run.agent import proposed_calls
from runfold.processors.run.agent.control_tools import COMPLETE, EXITS, arguments_of, fault_of
from runfold.processors.run.agent.next_step import proceed
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import outcome_of
from runfold.processors.run.lifecycle import endings
from runfold.processors.run.state import Live


def take(draft: Draft, result: ModelResult) -> None:
    """Record the result of the model call that is out; of a lost one only what it cost."""
    out = draft.run.loop.model_call
    if out is None or out.held or (out.call_id, out.attempt) != (result.call_id, result.attempt):
        _note_late(draft, result)
        return
    if result.outcome is Outcome.SUCCEEDED and result.answer is not None:
        _answered(draft, result, result.answer)
    else:
        unanswered(draft, result)


def _note_late(draft: Draft, result: ModelResult) -> None:
    run = draft.run
    lost = outcome_of(result.call_id, result.attempt) in run.attempts.lost
    if not lost or result.outcome is not Outcome.SUCCEEDED:
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
            cost=result.cost,
            attribution=attribution(run),
        )
    )


def attribution(run: Live) -> Attribution:
    """Return whom a cost of this run belongs to [159]."""
    asked, agent = run.request, run.agent
    return _attribution(
        asked.user_id,
        agent.name,
        agent.version,
        run.pinned.prompt_version,
        asked.feature,
        asked.variant,
    )


@lru_cache(maxsize=4096)
def _attribution(
    user_id: str,
    agent: str,
    agent_version: str,
    prompt_version: str,
    feature: str | None,
    variant: str | None,
) -> Attribution:
    return Attribution(
        user_id=user_id,
        agent=agent,
        agent_version=agent_version,
        prompt_version=prompt_version,
        feature=feature,
        variant=variant,
    )


def unanswered(draft: Draft, result: ModelResult) -> None:
    """Record a failed model call: again after a pause where it pays, else the run fails."""
    error = result.error or ErrorInfo(
        error_type="no_answer", message=draft.people("no_answer"), retryable=True
    )
    draft.say(
        j.ModelFailed(
            call_id=result.call_id,
            attempt=result.attempt,
            model=result.model,
            error=error,
            latency_ms=result.latency_ms,
            attribution=attribution(draft.run),
            attempts=result.attempts,
        )
    )
    retry = draft.agent().model.retry
    if not error.retryable or result.attempt >= retry.max_attempts:
        _release(draft, result.call_id)
        endings.fail(draft, endings.EXIT_MODEL, error)
        return
    delay = max(retry.delay_ms(result.attempt + 1), error.retry_after_ms or 0)
    draft.say(
        j.RetryScheduled(
            call_id=result.call_id,
            attempt=result.attempt + 1,
            due=draft.env.now + timedelta(milliseconds=delay),
            delay_ms=delay,
            reason=error.message,
        )
    )


def _answered(draft: Draft, result: ModelResult, answer: ModelAnswer) -> None:
    run = draft.run
    draft.say(
        trusted(j.ModelResponded)(
            call_id=result.call_id,
            attempt=result.attempt,
            model=result.model,
            provider=result.provider,
            decision=_decision(run, answer),
            answer=answer,
            usage=result.usage or Usage(),
            cost=result.cost,
            price=result.price,
            latency_ms=result.latency_ms,
            attribution=attribution(run),
            attempts=result.attempts if len(result.attempts) > 1 else (),
            time_to_first_token_ms=result.time_to_first_token_ms,
            response_id=result.response_id,
        )
    )
    _release(draft, result.call_id, result.cost)
    calls = answer.tool_calls
    if len(calls) == 1 and calls[0].name in EXITS and _may_end(draft, calls[0]):
        _end(draft, calls[0])
        return
    if calls:
        proposed_calls.propose_all(draft, result.call_id, answer)
    else:
        _reject(draft, result.call_id, answer)
    if not draft.has_ended() and draft.run.loop.malformed > draft.agent().max_malformed:
        _give_up_on_model(draft)
    proceed(draft)


def _release(draft: Draft, call_id: str, cost: Decimal | None = None) -> None:
    """Settle the reservation of a call, if one was made."""
    run = draft.run
    if run.limits.max_cost is None:
        return
    draft.say(
        j.BudgetSettled(
            call_id=call_id,
            reserved=run.budget.reserved,
            actual=cost or Decimal(0),
            spent_after=run.counters.cost,
            limit=run.limits.max_cost,
        )
    )


def _may_end(draft: Draft, call: ProposedCall) -> bool:
    return fault_of(call, draft.behaviour) is None and not draft.run.inbox


def _end(draft: Draft, call: ProposedCall) -> None:
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


def _decision(run: Live, answer: ModelAnswer) -> j.DecisionRecord:
    tools = tuple(call.name for call in answer.tool_calls)
    said = (answer.text.inline or b"").decode("utf-8", "replace") if answer.text else ""
    if not tools:
        kind = "respond_to_user"
    elif len(tools) == 1:
        kind = _KINDS.get(tools[0], "tool_call")
    else:
        kind = "tool_calls"
    return trusted(j.DecisionRecord)(
        decision_type=kind,
        selected_tools=tools,
        summary=said[:200],
        context_digest=run.loop.context.digest,
    )
