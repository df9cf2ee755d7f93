"""What an event says, in plain words short enough for one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.content import JSON, Content
from runfold.events.values import Usage

_SCRIPTED = "scripted"
_SHORT = 60
_LONG = 140


def said(fact: Fact) -> str:
    """Return what a fact tells, without its time, status and cost."""
    tell = _WORDS.get(type(fact))
    return tell(fact) if tell else type(fact).__name__


def model_name(name: str, provider: str = "") -> str:
    """Return a model's name; one that is only a script says so."""
    if name.startswith(f"{_SCRIPTED}:") or provider == _SCRIPTED:
        return f"{name.partition(':')[2] or name} (scripted, no model)"
    return name


def shortened(text: str, most: int = _SHORT) -> str:
    """Return a text on one line, cut in its middle's favour to ``most`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def money(amount: Decimal) -> str:
    """Return an amount in dollars, as exact as people need it."""
    places = 2 if amount >= 1 or amount == 0 else 4
    return f"${amount:.{places}f}"


def spent(amount: Decimal, unpriced: int) -> str:
    """Return a cost; what has no known price is said, since it is not zero."""
    if not unpriced:
        return money(amount)
    return f"{money(amount)}+?" if amount else "unpriced"


def arguments(content: Content, most: int = _SHORT) -> str:
    """Return a call's arguments as ``name=value, …``."""
    value = _value(content)
    if not isinstance(value, dict):
        return shortened(_text(content), most)
    return shortened(", ".join(f"{name}={_scalar(held)}" for name, held in value.items()), most)


def result(content: Content, most: int = _LONG) -> str:
    """Return a result in one line: its own summary where it has one."""
    if content.ref is not None and content.inline is None:
        return f"{content.size:,} bytes in the artifact store"
    value = _value(content)
    if isinstance(value, dict):
        for name in ("summary", "summary_markdown", "message"):
            if isinstance(value.get(name), str) and value[name].strip():
                return shortened(value[name], most)
        return shortened(", ".join(f"{name}={_scalar(v)}" for name, v in value.items()), most)
    if isinstance(value, list):
        return f"{len(value)} items"
    return shortened(_text(content), most)


def _value(content: Content) -> Any:
    if content.inline is None or content.media_type != JSON:
        return None
    try:
        return json.loads(content.inline)
    except ValueError:
        return None


def _text(content: Content) -> str:
    if content.inline is None:
        return f"{content.size:,} bytes"
    return content.inline.decode("utf-8", "replace")


def _scalar(value: object) -> str:
    match value:
        case str():
            return json.dumps(shortened(value, 40), ensure_ascii=False)
        case list():
            return f"[{len(value)}]"
        case dict():
            return f"{{{len(value)}}}"
        case _:
            return json.dumps(value)


def _tokens(usage: Usage) -> str:
    return f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out"


def _responded(fact: j.ModelResponded) -> str:
    calls = " and ".join(call.name for call in fact.answer.tool_calls)
    chosen = f"chose {calls}" if calls else f"answered: {_spoken(fact)}"
    return f"{model_name(fact.model, fact.provider)} {chosen} [{_tokens(fact.usage)}]"


def _spoken(fact: j.ModelResponded) -> str:
    return shortened(_text(fact.answer.text)) if fact.answer.text else "nothing"


def _called(fact: j.ModelCalled) -> str:
    again = f", attempt {fact.attempt}" if fact.attempt > 1 else ""
    return f"asking {model_name(fact.model)}{again}"


def _approved(fact: j.ToolCallApproved) -> str:
    if fact.request_id is None:
        return f"{_number(fact.call_id)} may run: no approval needed"
    edited = f" with edited arguments ({arguments(fact.arguments)})" if fact.arguments else ""
    comment = f": {shortened(fact.comment)}" if fact.comment else ""
    return f"{_number(fact.call_id)} approved by a person{edited}{comment}"


def _started(fact: j.ToolCallStarted) -> str:
    again = f", attempt {fact.attempt}" if fact.attempt > 1 else ""
    return f"{_number(fact.call_id)} {fact.tool} is running ({fact.placement.value}){again}"


def _succeeded(fact: j.ToolCallSucceeded) -> str:
    again = " (answered from its earlier execution)" if fact.repeated else ""
    took = f"{fact.latency_ms} ms"
    return f"{_number(fact.call_id)} {fact.tool} → {result(fact.result)} [{took}]{again}"


def _number(call_id: str) -> str:
    return f"#{call_id.rpartition('.')[2]}"


def _message(fact: j.UserMessageReceived) -> str:
    what = {"goal": "the goal", "instructions": "new instructions"}.get(fact.kind, "a message")
    return f"{what}: {shortened(_text(fact.content), _LONG)}"


def _ended(word: str) -> Callable[[Any], str]:
    def tell(fact: j.RunCompleted | j.RunCancelled) -> str:
        used = fact.exit.usage
        calls = f"{used.model_calls} model and {used.tool_calls} tool calls"
        return f"{word}: {result(fact.exit.payload)} [{calls}]"

    return tell


def _plan(fact: j.PlanProposed | j.PlanRevised) -> str:
    steps = "; ".join(f"{step.description} ({step.status})" for step in fact.plan.steps)
    return f"the plan: {shortened(steps, _LONG)}"


_WORDS: dict[type[Fact], Callable[[Any], str]] = {
    j.RunCreated: lambda f: f"accepted: {f.agent.name} {f.agent.version} for {f.request.user_id}",
    j.RunRefused: lambda f: f"refused: {f.reason}",
    j.RunQueued: lambda f: f"queued: {f.reason}",
    j.RunStarted: lambda _: "admitted",
    j.UserMessageReceived: _message,
    j.ContextHydrated: lambda f: f"context of {f.messages} messages, ~{f.token_estimate:,} tokens",
    j.PlanProposed: _plan,
    j.PlanRevised: _plan,
    j.PlanStepAdvanced: lambda f: f"step {f.step_id} of the plan is {f.status}",
    j.ModelCalled: _called,
    j.ModelResponded: _responded,
    j.ModelFailed: lambda f: f"{model_name(f.model)} failed: {shortened(f.error.message, _LONG)}",
    j.RetryScheduled: lambda f: f"attempt {f.attempt} of {_number(f.call_id)} in {f.delay_ms} ms",
    j.ReflectionRecorded: lambda f: f"{'; '.join(f.issues) or 'no issues'} {f.next_action}",
    j.BudgetReserved: lambda f: f"{money(f.amount)} set aside of {money(f.limit)}",
    j.BudgetSettled: lambda f: f"{money(f.spent_after)} spent of {money(f.limit)}",
    j.LimitReached: lambda f: f"{f.limit} reached: {f.used} of {f.allowed}; {f.action}",
    j.ToolCallProposed: lambda f: (
        f"{_number(f.call_id)} {f.tool}({arguments(f.arguments, 100)}), risk level {f.risk_level}"
    ),
    j.PolicyDecided: lambda f: f"{f.effect.value} {f.resource}: {f.reason}",
    j.ApprovalRequested: lambda f: (
        f"{_number(f.call_id)} {f.question} It waits for a person (risk level {f.risk_level})"
    ),
    j.ToolCallApproved: _approved,
    j.ToolCallDenied: lambda f: f"{_number(f.call_id)} denied: {shortened(f.reason, _LONG)}",
    j.ToolCallStarted: _started,
    j.ToolCallSucceeded: _succeeded,
    j.ToolCallFailed: lambda f: (
        f"{_number(f.call_id)} {f.tool} failed: {shortened(f.error.message, _LONG)}"
    ),
    j.ToolCallUncertain: lambda f: (
        f"{_number(f.call_id)} {f.tool} may or may not have happened: {f.reason}"
    ),
    j.LateResultNoted: lambda f: (
        f"{_number(f.call_id)} came back too late: {f.outcome}"
        + (f", ${f.cost:f}" if f.cost else "")
    ),
    j.CheckpointWritten: lambda f: f"checkpoint {f.step_number}",
    j.HumanInputRequested: lambda f: (
        f"{_number(f.question_id)} the agent asks: {shortened(_question(f), _LONG)}"
    ),
    j.HumanInputReceived: lambda f: (
        f"{_number(f.question_id)} answered: {shortened(_text(f.content), _LONG)}"
    ),
    j.RunPaused: lambda f: f"paused by a person{_because(f.reason)}",
    j.RunResumed: lambda f: f"resumed by a person{_because(f.reason)}",
    j.RequestIgnored: lambda f: f"{f.control} ignored: {f.reason}",
    j.RunCompleted: _ended("completed"),
    j.RunFailed: lambda f: f"failed: {shortened(f.error.message, _LONG)}",
    j.RunCancelled: lambda f: f"cancelled by a person{_because(f.reason)}",
}


def _because(reason: str) -> str:
    return f": {shortened(reason)}" if reason else ""


def _question(fact: j.HumanInputRequested) -> str:
    value = _value(fact.question)
    asked = value.get("question") if isinstance(value, dict) else None
    return str(asked or _text(fact.question))
