"""How a run ends: the exit record that any orchestrator can act on [3, 5].

Exit codes: 0 success; 1 the agent gave up (``fail_task``); 2 refused at admission, or later because
its agent was withdrawn; 3 a limit was reached, or a brake stopped it; 4 the model could not be
reached or did not answer usably, or a tool that is needed is left alone; 5 cancelled by a person;
6 a command of the run could not be decided, which is a fault of Runfold.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from runfold.events import run as j
from runfold.events.border import number_of
from runfold.events.calls.children import RunSignal, TreeUsed
from runfold.events.calls.kinds import MODEL, TOOL
from runfold.events.contents.content import Content, json_content
from runfold.events.tenant import Held
from runfold.events.traits import DRY_RUN, JUDGE
from runfold.events.trusted import trusted
from runfold.events.values import ErrorInfo, Exit, ExitStatus, ExitUsage
from runfold.processors.run.agent.calls.at_stake import at_stake
from runfold.processors.run.behaviour import AT_STAKE
from runfold.processors.run.children import signals
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import outcome_of
from runfold.processors.run.state import NO_TREE, CallStatus, Live

EXIT_SUCCESS = 0
EXIT_GAVE_UP = 1
EXIT_WITHDRAWN = 2
EXIT_NOT_ADMITTED = 2
EXIT_LIMIT = 3
EXIT_MODEL = 4
EXIT_CANCELLED = 5
EXIT_UNDECIDABLE = 6


_PAID = frozenset({MODEL.name, TOOL.name, DRY_RUN, JUDGE})


class _Whose(TypedDict):
    agent: str
    agent_version: str
    user_id: str
    thread_id: str | None
    parent_run_id: str | None
    parent_call_id: str | None
    tree: TreeUsed | None
    parent_attempt: int | None


def complete(draft: Draft, payload: Content) -> None:
    """End the run as completed with the payload that ``complete_task`` gave."""
    _settle(draft)
    run = draft.run
    exit_ = _exit(run, ExitStatus.SUCCESS, EXIT_SUCCESS, "complete", payload, draft.env.now)
    draft.say(trusted(j.RunCompleted)(exit=exit_, **_whose(run)))


def fail(draft: Draft, code: int, error: ErrorInfo, payload: Content | None = None) -> None:
    """End the run as failed; the payload defaults to the error."""
    _settle(draft)
    _fail(draft, code, error, payload)


def refused(draft: Draft, error: ErrorInfo) -> None:
    """End the run since its tenant did not admit it; the tenant knows."""
    _fail(draft, EXIT_NOT_ADMITTED, error, None)


def _settle(draft: Draft) -> None:
    """Tell the children that live, and the tenant where it was asked, that the run is over."""
    if draft.run.budget.tree.out:
        over = draft.people("parent_has_ended")
        signals.send_all(draft, RunSignal.CANCEL, f"{draft.run.run_id}/end", over)
    if not draft.run.entry.asked:
        return
    used = draft.run.counters
    draft.say(
        j.RunSettled(
            spent=draft.run.spent,
            tokens=number_of(draft.run.spent_tokens),
            tool_calls=used.tool_calls,
            calls=used.model_calls + used.tool_calls,
            retries=used.retries,
            open=_open(draft.run),
            held=_held(draft.run),
        )
    )


_MOST_OPEN = 100


def _open(run: Live) -> tuple[str, ...]:
    """Return the attempts that may still report a cost: they are out, or were given up."""
    out = {
        outcome_of(call.call_id, call.attempt)
        for call in run.loop.calls
        if call.status is CallStatus.RUNNING and call.kind in _PAID
    }
    return tuple(sorted(out | run.attempts.lost.keys())[:_MOST_OPEN])


def _held(run: Live) -> tuple[Held, ...]:
    """Return what stays set aside of the run's money: what calls that are out may still cost."""
    return at_stake(run) if run.behaviour >= AT_STAKE else ()


def _fail(draft: Draft, code: int, error: ErrorInfo, payload: Content | None) -> None:
    run = draft.run
    said = payload or json_content({"error": error.model_dump(mode="json", exclude_none=True)})
    exit_ = _exit(run, ExitStatus.FAILURE, code, "blocked", said, draft.env.now)
    draft.say(j.RunFailed(exit=exit_, error=error, **_whose(run)))


def cancel(draft: Draft, request_id: str, reason: str) -> None:
    """End the run as cancelled by a person."""
    _settle(draft)
    run = draft.run
    payload = json_content({"reason": reason})
    exit_ = _exit(run, ExitStatus.CANCELLED, EXIT_CANCELLED, "blocked", payload, draft.env.now)
    draft.say(j.RunCancelled(exit=exit_, reason=reason, request_id=request_id, **_whose(run)))


def limit_reached(draft: Draft, limit: str, used: object, allowed: object) -> None:
    """End the run because one of its hard limits is met [55]."""
    draft.say(
        j.LimitReached(
            limit=limit,
            used=str(used),
            allowed=str(allowed),
            action=draft.people("fail_the_run"),
        )
    )
    message = draft.people("limit_reached", limit=limit, used=str(used), allowed=str(allowed))
    fail(
        draft,
        EXIT_LIMIT,
        ErrorInfo(
            error_type="limit_reached",
            message=message,
            retryable=False,
            suggested_next_action=draft.people("raise_the_limit"),
        ),
    )


def unpriced(draft: Draft, model: str) -> None:
    """End the run because its limit of money cannot be kept: a model's price is not known [55]."""
    allowed = str(draft.run.limits.max_cost)
    draft.say(
        j.LimitReached(
            limit="max_cost", used="unpriced", allowed=allowed, action=draft.people("fail_the_run")
        )
    )
    error = ErrorInfo(
        error_type="unpriced",
        message=draft.people("unpriced", model=model, allowed=allowed),
        retryable=False,
        suggested_next_action=draft.people("give_a_price"),
    )
    fail(draft, EXIT_LIMIT, error)


def _exit(
    run: Live, status: ExitStatus, code: int, signal: str, payload: Content, now: datetime
) -> Exit:
    used = run.counters
    return trusted(Exit)(
        status=status,
        exit_code=code,
        signal=signal,
        payload=payload,
        usage=trusted(ExitUsage)(
            total_tokens=number_of(used.input_tokens + used.output_tokens),
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cost_usd=used.cost,
            latency_ms=int((now - run.pinned.created_at).total_seconds() * 1000),
            model_calls=used.model_calls,
            tool_calls=used.tool_calls,
            unpriced_calls=used.unpriced_calls,
        ),
    )


def _whose(run: Live) -> _Whose:
    return {
        "agent": run.agent.name,
        "agent_version": run.agent.version,
        "user_id": run.request.user_id,
        "thread_id": run.request.thread_id,
        "parent_run_id": run.request.parent_run_id,
        "parent_call_id": run.request.parent_call_id,
        "tree": _tree(run),
        "parent_attempt": run.pinned.lineage.attempt if run.pinned.lineage else None,
    }


def _tree(run: Live) -> TreeUsed | None:
    """Return what the run used with its children, None where it asked for none."""
    tree, used = run.budget.tree, run.counters
    if tree == NO_TREE:
        return None
    return TreeUsed(
        cost=run.spent,
        tokens=number_of(run.spent_tokens),
        runs=tree.runs,
        unpriced_calls=number_of(used.unpriced_calls + tree.unpriced_calls),
    )
