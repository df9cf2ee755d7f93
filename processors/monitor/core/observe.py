"""What each fact of the journal counts for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.traits import NOTHING_USED, PERSON, CallMove, CallTrait, charge_of
from runfold.processors.monitor.core.metrics import AGENT, MODEL, TENANT, TOOL
from runfold.processors.monitor.core.runs import LiveRun, OpenCall
from runfold.processors.monitor.core.store import Observation

Counted = tuple[str, Decimal | int, dict[str, str]]

_STRICT = frozenset({j.BrakeAction.HAND_OVER, j.BrakeAction.STOP})
_MS = timedelta(milliseconds=1)
_END_METRIC: dict[type[Fact], str] = {
    j.RunCompleted: "runs_completed",
    j.RunFailed: "runs_failed",
    j.RunCancelled: "runs_cancelled",
    j.RunRefused: "runs_refused",
}


def observe(run: LiveRun, fact: Fact, at: datetime) -> Iterator[Observation]:
    """Bring the run up to the fact and yield what is to be counted."""
    _learn_agent(run, fact)
    _queued(run, fact)
    own = {AGENT: run.agent, TENANT: run.tenant}
    yield Observation("events", at, 1, own, run.run_id)
    for counted in (
        _counted(run, fact, at),
        _braked(run, fact),
        _paid(fact),
        _moved(run, fact, at),
        _held(run, fact, at),
    ):
        for metric, amount, labels in counted:
            yield Observation(metric, at, amount, own | labels, run.run_id)


def _learn_agent(run: LiveRun, fact: Fact) -> None:
    match fact:
        case j.RunCreated(request=request) | j.RunRefused(request=request):
            run.agent = request.agent
        case j.RunCompleted() | j.RunFailed() | j.RunCancelled():
            run.agent = fact.agent
        case _:
            to = vars(fact).get("attribution")
            if to is not None:
                run.agent = to.agent


def _counted(run: LiveRun, fact: Fact, at: datetime) -> Iterator[Counted]:
    match fact:
        case j.RunCreated(request=request):
            run.created, run.requested = at, request.requested_at
            yield "runs_created", 1, {}
        case j.RunStarted():
            if run.requested is not None:
                # The requester's clock may be ahead.
                yield "queue_ms", max(0, (at - run.requested) // _MS), {}
        case j.RunCompleted() | j.RunFailed() | j.RunCancelled() | j.RunRefused():
            yield from _ended(run, fact, at)
        case j.ModelResponded() | j.ModelFailed():
            yield from _model(run, fact)
        case j.RetryScheduled():
            call = run.calls.get(fact.call_id)
            yield "retries", 1, {call.dimension: call.name} if call else {}
        case j.PolicyDecided(effect=j.PolicyEffect.FORBID):
            yield "policy_denials", 1, {}
        case j.LimitReached():
            yield "limits_reached", 1, {}
        case j.ApprovalRequested():
            yield "approvals_requested", 1, {TOOL: fact.tool}
        case j.ToolCallDenied():
            call = run.calls.get(fact.call_id)
            yield "calls_denied", 1, {TOOL: call.name} if call else {}
        case j.ToolCallSucceeded() | j.ToolCallFailed() | j.ToolCallUncertain():
            yield from _tool(fact)
        case _:
            pass


def _queued(run: LiveRun, fact: Fact) -> None:
    if isinstance(fact, j.RunQueued):
        run.in_queue = fact.asks is None


def _braked(run: LiveRun, fact: Fact) -> Iterator[Counted]:
    if not isinstance(fact, j.BrakeApplied):
        return
    run.slowed_until = fact.due or run.slowed_until
    yield "brakes", 1, {}
    if fact.action in _STRICT:
        yield "brakes_strict", 1, {}


def _ended(run: LiveRun, fact: Fact, at: datetime) -> Iterator[Counted]:
    yield "runs_ended", 1, {}
    yield _END_METRIC[type(fact)], 1, {}
    if run.created is not None:
        yield "run_ms", (at - run.created) // _MS, {}


def _model(run: LiveRun, fact: j.ModelResponded | j.ModelFailed) -> Iterator[Counted]:
    label = {MODEL: fact.model}
    yield "model_calls", 1, label
    yield "model_ms", fact.latency_ms, label
    if isinstance(fact, j.ModelFailed):
        yield "model_failures", 1, label
        return
    asked = run.calls.get(fact.call_id)
    if asked is not None and asked.name != fact.model:
        yield "model_fallbacks", 1, {MODEL: asked.name}
    if fact.time_to_first_token_ms is not None:
        yield "first_token_ms", fact.time_to_first_token_ms, label


def _tool(fact: j.ToolCallSucceeded | j.ToolCallFailed | j.ToolCallUncertain) -> Iterator[Counted]:
    label = {TOOL: fact.tool}
    yield "tool_calls", 1, label
    if isinstance(fact, j.ToolCallUncertain):
        yield "tool_uncertain", 1, label
        return
    yield "tool_ms", fact.latency_ms, label
    if isinstance(fact, j.ToolCallFailed):
        yield "tool_failures", 1, label
        if fact.error.error_type == "timeout":
            yield "tool_timeouts", 1, label


def _paid(fact: Fact) -> Iterator[Counted]:
    charge = charge_of(fact)
    if charge is None:
        return
    label = {MODEL: charge.model} if charge.model else {TOOL: charge.name}
    if charge.usage is not NOTHING_USED:
        yield "input_tokens", charge.usage.input_tokens, label
        yield "output_tokens", charge.usage.output_tokens, label
    if charge.cost is None:
        yield "unpriced_calls", 1, label
    else:
        yield "cost_usd", charge.cost, label


def _moved(run: LiveRun, fact: Fact, at: datetime) -> Iterator[Counted]:
    """Bring the calls that are open up to the fact; yield how long a person was waited for."""
    _learn_asked(run, fact)
    call = fact.traits.call
    if call is None:
        return
    call_id = getattr(fact, call.id_field)
    match call.move:
        case CallMove.ASKS:
            run.asked[call_id] = at
            return
        case CallMove.OPENS if call.kind == PERSON:
            run.asked[call_id] = at
            return
        case CallMove.PROPOSES | CallMove.OPENS:
            run.calls[call_id] = _open(call, fact, at)
            return
        case CallMove.HOLDS | CallMove.BEGINS:
            if known := run.calls.get(call_id):
                held = call.move is CallMove.HOLDS
                known.due = vars(fact)["due"] if held else known.until(at)
            return
        case CallMove.CLOSES:
            run.calls.pop(call_id, None)
        case CallMove.FAILS:
            # A retry would be of this very call.
            run.calls.setdefault(call_id, _open(call, fact, at)).due = None
        case CallMove.PERMITS | CallMove.DOUBTS:
            pass
    since = run.asked.pop(call_id, None)
    run.asking.pop(call_id, None)
    if since is not None:
        yield "approval_ms", (at - since) // _MS, {}
    if call.move is CallMove.DOUBTS:
        # The run stops until a person resolves it.
        run.asked[call_id] = at


def _learn_asked(run: LiveRun, fact: Fact) -> None:
    """Keep who is asked about a call, in words."""
    match fact:
        case j.ApprovalRequested() | j.HumanInputRequested() if fact.asks:
            call_id = fact.call_id if isinstance(fact, j.ApprovalRequested) else fact.question_id
            run.asking[call_id] = f"asks {', '.join(fact.asks)}{_until(fact.until)}"
        case j.WaitEscalated():
            step = f"step {fact.step} of {fact.steps}"
            run.asking[fact.call_id] = f"{step}, asks {', '.join(fact.asks)}{_until(fact.until)}"
        case _:
            pass


def _until(moment: datetime | None) -> str:
    return "" if moment is None else f" until {moment:%Y-%m-%d %H:%M} UTC"


_HOLDER = "holder"
"""What stands for the person who holds a run among those who are waited for."""


def _held(run: LiveRun, fact: Fact, at: datetime) -> Iterator[Counted]:
    """A run that a person holds waits for them, from the last thing that they did on."""
    match fact:
        case j.RunTakenOver():
            yield "takeovers", 1, {}
            run.asked[_HOLDER], run.asking[_HOLDER] = at, f"held by {fact.by}"
        case j.PersonReplied() | j.ResultGiven() if _HOLDER in run.asked:
            run.asked[_HOLDER] = at
        case j.RunHandedBack():
            run.asked.pop(_HOLDER, None)
            run.asking.pop(_HOLDER, None)
        case _:
            pass


def _open(call: CallTrait, fact: Fact, at: datetime) -> OpenCall:
    fields = vars(fact)
    timeout_ms = fields.get("timeout_ms")
    allowed = None if timeout_ms is None else timeout_ms * _MS
    due = None if allowed is None else at + allowed
    dimension = MODEL if call.kind == MODEL else TOOL
    # A selection of context calls nobody: it goes by the name of its kind.
    name = fields.get(call.kind or dimension) or str(call.kind)
    return OpenCall(dimension, name, due, allowed)
