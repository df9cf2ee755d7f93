"""Runs as they are shown: in lists, in full, by event, and what waits in them for a person."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from runfold.events.values import RunStatus
from runfold.surfaces.application.shapes.base import SHAPE, Json, Shape, Usd


class Actor(Shape):
    """Who caused an event: client, person, model, tool, policy, timer or system."""

    kind: str
    id: str


class Event(Shape):
    """One event of a run; ``seq`` counts 1, 2, 3 … within it, and is where a follower resumes."""

    shape: Literal[2] = SHAPE
    run_id: str
    seq: int
    type: str
    time: datetime
    status: RunStatus
    tenant_id: str
    cause: str
    actor: Actor
    fact: dict[str, Json]


class ControlOutcome(Event):
    """What became of a control: the event it led to, and whether it was applied or ignored.

    ``text`` says it in words.
    """

    applied: bool
    text: str


class CompletionUsage(Shape):
    """What a whole run used; ``cost_usd`` leaves out calls without a price, which are counted."""

    total_tokens: int
    cost_usd: Usd | None
    latency_ms: int
    input_tokens: int
    output_tokens: int
    model_calls: int
    tool_calls: int
    unpriced_calls: int


class Completion(Shape):
    """How a run ended: the completion signal, with the agent's own payload."""

    status: str
    exit_code: int
    payload: Json
    usage: CompletionUsage
    signal: str


class Call(Shape):
    """A call that is open; ``arguments`` are those that will be used, edits included."""

    call_id: str
    tool: str
    status: str
    arguments: Json
    risk_level: int
    attempt: int
    due: datetime | None


class Wait(Shape):
    """What waits for a person: ``kind`` is approval, question, uncertain or limit.

    ``shown_digest`` names what is shown to whoever decides, in hexadecimal; ``approved_by`` are
    those who have approved it, of ``approvals_needed``.
    """

    kind: str
    call_id: str
    tool: str
    question: str
    arguments: Json
    shown_digest: str | None = None
    approvals_needed: int | None = None
    approved_by: tuple[str, ...] = ()


class Used(Shape):
    """What a run has used so far; ``cost_usd`` leaves out calls without a price."""

    step: int
    model_calls: int
    tool_calls: int
    retries: int
    input_tokens: int
    output_tokens: int
    unpriced_calls: int
    cost_usd: Usd | None


class RunIdentity(Shape):
    """For whom a run was asked for, and with which request of a surface, where it was with one.

    ``role`` is the first of ``roles``. ``credential`` is the API key, or issuer and user of the
    token, that the request came with.
    """

    user_id: str
    tenant_id: str
    role: str | None
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    data_classification: str
    request_id: str | None
    trace_id: str | None
    credential: str | None


class RunDetail(Shape):
    """Where a run stands after its event ``seq``.

    ``last_action`` and ``next_action`` are in words: what happened last that is not bookkeeping,
    and the first of what is decided and not done; ``exit`` is None while it lives. ``held_by`` is
    the person who answers in the model's place until ``held_until``, unless they do more.
    """

    shape: Literal[2] = SHAPE
    run_id: str
    tenant_id: str
    user_id: str
    agent: str
    agent_version: str | None
    model: str
    goal: str
    status: RunStatus
    seq: int
    created_at: datetime
    updated_at: datetime
    cost_usd: Usd | None
    unpriced_calls: int
    used: Used
    last_event: str
    last_action: str
    next_action: str | None
    requires_approval: bool
    waits_for: tuple[Wait, ...]
    calls: tuple[Call, ...]
    exit: Completion | None
    held_by: str | None = None
    held_until: datetime | None = None
    identity: RunIdentity | None = None


class PlanStep(Shape):
    """One step of a run's plan."""

    id: str
    description: str
    status: str
    tool: str | None


class Message(Shape):
    """One message of what the model sees; ``calls`` are the tools that it asked for."""

    role: str
    content: Json
    calls: tuple[str, ...]
    is_error: bool


class RunState(RunDetail):
    """A run as it was after an event, whole: with its plan and what its model sees."""

    paused: bool
    instructions: Json
    plan: tuple[PlanStep, ...]
    messages: tuple[Message, ...]
    artifacts: tuple[str, ...]


class RunSummary(Shape):
    """A run as lists show it, from the views; ``exit_status`` is None while it lives."""

    shape: Literal[2] = SHAPE
    run_id: str
    tenant_id: str
    user_id: str
    agent: str
    agent_version: str | None
    model: str | None
    goal: str
    status: RunStatus
    seq: int
    created_at: datetime
    updated_at: datetime
    exit_status: str | None
    exit_code: int | None
    cost_usd: Usd | None
    unpriced_calls: int
    model_calls: int
    tool_calls: int
    feature: str | None
    thread_id: str | None
    parent_run_id: str | None


class Approval(Shape):
    """What waits for a person: ``kind`` is tool_call, question or uncertain.

    ``call_id`` is RUN.N, as commands take it, and so is ``approval_id``, its older name.
    ``arguments`` are those that will be used; ``cost_usd`` is what the run has cost so far.
    ``risk``, ``effect`` and ``reversible`` are what the tool's contract says that it does: a name
    of a risk level, words, and whether it can be undone; None where it does not say. ``asks`` are
    those who are asked now, at ``step`` of ``steps`` and until ``asks_until``: ``role/NAME``,
    ``user/NAME``, ``user/NAME for user/NAME``; ``asks_text`` is what the channel was told.
    ``shown_digest`` names what is shown, with the run's cost when it asked (``cost_usd``) among it.
    ``approved_by`` are those who have approved it, of ``approvals_needed``; ``terms`` are what
    policies demand of them; ``may_hold_for`` says for what an approval can hold.
    """

    shape: Literal[2] = SHAPE
    approval_id: str
    call_id: str
    kind: str
    run_id: str
    tenant_id: str
    user_id: str
    agent: str
    agent_version: str | None
    goal: str
    tool: str | None
    tool_version: str | None
    arguments: Json
    arguments_digest: str | None
    question: str
    options: Json
    risk_level: int | None
    risk: str | None
    effect: str | None
    reversible: bool | None
    requested_at: datetime
    deadline: datetime | None
    cost_usd: Usd | None
    unpriced_calls: int
    shown_digest: str | None = None
    approvals_needed: int | None = None
    approved_by: tuple[str, ...] = ()
    terms: Json = None
    may_hold_for: tuple[str, ...] = ()
    step: int | None = None
    steps: int | None = None
    asks: tuple[str, ...] = ()
    asks_until: datetime | None = None
    asks_text: str = ""
