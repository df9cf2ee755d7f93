"""A judge of goal drift: asked at an interval of turns, where the agent declares one [57].

Its verdict is an input like any answer. Without one the run goes on.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from runfold.events import run as j
from runfold.events.calls import Message, ModelResult, Role, ToolSchema
from runfold.events.contents.content import canonical_json, text
from runfold.events.definitions.agents.brakes import Judge
from runfold.events.values import ErrorInfo, ModelAnswer, Usage
from runfold.processors.run.agent.calls.attribution import attribution
from runfold.processors.run.agent.calls.reservations import release, reserve
from runfold.processors.run.agent.controls.control_tools import arguments_of
from runfold.processors.run.draft import Draft
from runfold.processors.run.policy.judging import judge_model
from runfold.processors.run.state import JudgeCall, Live
from runfold.processors.run.state.loop import GOAL
from runfold.processors.run.wording import for_model

DETECTOR = "goal_drift"
VERDICT = "give_verdict"

MOST_SHOWN = 16
"""Messages that a judge is shown beside the goal, the newest ones."""

SCHEMA = ToolSchema(
    name=VERDICT,
    description="Say how far the agent has drifted from its goal.",
    input_schema=canonical_json(
        {
            "type": "object",
            "properties": {
                "score": {"type": "integer", "minimum": 0, "maximum": 100},
                "reason": {"type": "string"},
            },
            "required": ["score", "reason"],
            "additionalProperties": False,
        }
    ),
)


def open_one(draft: Draft) -> bool:
    """Ask the judge where it is due; return whether an answer is waited for."""
    watch = draft.run.loop.watch
    if watch is None or DETECTOR not in watch.detectors:
        return False
    judge = draft.agent().brakes[DETECTOR].judge
    if judge is None or watch.progress.judged.turns < judge.every:
        return False
    model = judge.model or draft.run.pinned.model
    call = JudgeCall(call_id=draft.next_call_id(), model=model)
    if not _may_be_asked(draft, call):
        _no_verdict(draft, call, _stopped(draft, model))
        return False
    amount = draft.run.budget.dearest_call
    if not _has_room(draft.run, amount) or not reserve(draft, call.call_id, amount):
        return False
    begin(draft, call)
    return True


def begin(draft: Draft, call: JudgeCall) -> None:
    """Hand the next attempt out."""
    agent, judge = draft.agent(), draft.agent().brakes[DETECTOR].judge
    draft.say(
        j.JudgeCalled(
            call_id=call.call_id,
            attempt=call.attempt + 1,
            model=call.model,
            context_digest=draft.run.loop.transcript.digest,
            rubric_digest=text(judge.rubric if judge else "").digest,
            placement=agent.model.placement,
            timeout_ms=agent.model.timeout_ms,
        )
    )


def answered(draft: Draft, call: JudgeCall, result: ModelResult) -> None:
    """Record what the judge said; what cannot be read is no verdict."""
    if result.answer is None:
        failed(draft, call, result)
        return
    draft.say(
        j.JudgeAnswered(
            call_id=call.call_id,
            attempt=call.attempt,
            model=result.model,
            provider=result.provider,
            answer=result.answer,
            usage=result.usage or Usage(),
            cost=result.cost,
            price=result.price,
            latency_ms=result.latency_ms,
            attribution=attribution(draft.run),
            score=score_of(result.answer),
        )
    )
    release(draft, call.call_id, result.cost)


def failed(draft: Draft, call: JudgeCall, result: ModelResult) -> None:
    """Record that there is no verdict; the judge is asked again after its interval."""
    error = result.error or ErrorInfo(
        error_type="no_answer", message=draft.people("no_answer"), retryable=True
    )
    _no_verdict(draft, call, error, result.latency_ms)
    release(draft, call.call_id)


def lost(draft: Draft, call: JudgeCall) -> None:
    """Go on without a verdict that did not come in time."""
    error = ErrorInfo(error_type="timeout", message=draft.people("answer_lost"), retryable=True)
    undecided(draft, call, error)


def undecided(draft: Draft, call: JudgeCall, error: ErrorInfo) -> None:
    """Go on without a verdict that nobody could decide on."""
    _no_verdict(draft, call, error)
    release(draft, call.call_id)


def score_of(answer: ModelAnswer) -> int | None:
    """Return the score of the one verdict that an answer holds."""
    said = [call for call in answer.tool_calls if call.name == VERDICT]
    given = arguments_of(said[0]) if len(said) == 1 else None
    score = given.get("score") if given else None
    if isinstance(score, bool) or not isinstance(score, int) or not 0 <= score <= 100:
        return None
    return score


def shown(run: Live) -> tuple[Message, ...]:
    """Return what the judge reads: the goal, the newest of what was said, and the question."""
    said = [*zip(run.loop.transcript.names, run.loop.transcript.messages, strict=True)]
    goal = [message for (kind, _), message in said if kind == GOAL]
    rest = [message for (kind, _), message in said if kind != GOAL][-MOST_SHOWN:]
    asks = Message(role=Role.USER, content=text(for_model(run.behaviour, "judge_asks")))
    return (*goal, *rest, asks)


@lru_cache(maxsize=256)
def instructions(behaviour: int, judge: Judge) -> str:
    """Return what the judge is told to do."""
    return for_model(behaviour, "judge_instructions", rubric=judge.rubric)


def _may_be_asked(draft: Draft, call: JudgeCall) -> bool:
    """Whether neither a switch nor a policy keeps the judge's model from being called."""
    run = draft.run
    if draft.env.definitions.stopped("model", call.model, run.tenant_id) is not None:
        return False
    judged = judge_model(draft, call.model, call.call_id)
    if judged is None:
        return True
    draft.say(judged[0])
    return judged[1].permitted


def _stopped(draft: Draft, model: str) -> ErrorInfo:
    message = draft.people("judge_stopped", model=model)
    return ErrorInfo(error_type="stopped", message=message, retryable=False)


def _has_room(run: Live, amount: Decimal) -> bool:
    """Whether the run's limit of money allows a verdict; without one it is not worth its end."""
    limit = run.limits.max_cost
    return limit is None or run.counters.cost + run.budget.reserved + amount <= limit


def _no_verdict(draft: Draft, call: JudgeCall, error: ErrorInfo, latency_ms: int = 0) -> None:
    draft.say(
        j.JudgeFailed(
            call_id=call.call_id,
            attempt=call.attempt,
            model=call.model,
            error=error,
            latency_ms=latency_ms,
            attribution=attribution(draft.run),
        )
    )
