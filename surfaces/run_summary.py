"""Where a run stands, folded from its events: what every surface shows of it [164, 186]."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from runfold.events import run as j
from runfold.events.run import Event
from runfold.events.values import Exit, RunRequest, RunStatus
from runfold.processors.run.evolve import evolve
from runfold.processors.run.state import WAITS_FOR_HUMAN, Call, CallStatus, Live, RunState

_BOOKKEEPING = (j.CheckpointWritten, j.ContextHydrated, j.BudgetReserved, j.BudgetSettled)


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that waits for a person: ``kind`` is approval, question or uncertain."""

    kind: str
    call_id: str
    tool: str
    question: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run after some of its events; ``exit`` is None while it lives.

    ``action`` is the last event that tells of an action, ``last`` the very last.
    """

    run_id: str
    tenant_id: str
    user_id: str
    agent: str
    model: str
    status: RunStatus
    seq: int
    began: datetime
    latest: datetime
    cost: Decimal
    unpriced: int
    waits: tuple[Wait, ...]
    last: Event
    action: Event
    exit: Exit | None
    state: RunState


def picture(events: Iterable[Event]) -> RunSummary | None:
    """Return where a run stands after these events, None where there are none."""
    state: RunState | None = None
    first: Event | None = None
    live: Live | None = None
    last: Event | None = None
    action: Event | None = None
    model = ""
    for event in events:
        first = first or event
        last = event
        state = evolve(state, event.fact, event.meta.time)
        live = state if isinstance(state, Live) else live
        if action is None or not isinstance(event.fact, _BOOKKEEPING):
            action = event
        if isinstance(event.fact, j.ModelResponded):
            model = event.fact.model
    if first is None or last is None or state is None:
        return None
    request = _request_of(first)
    asked = request.agent if request else ""
    waiting = state.calls if isinstance(state, Live) else ()
    return RunSummary(
        run_id=last.meta.run_id,
        tenant_id=last.meta.tenant_id,
        user_id=request.user_id if request else "",
        agent=f"{live.agent.name} {live.agent.version}" if live else asked,
        model=model or (live.model if live else ""),
        status=last.meta.status,
        seq=last.meta.seq,
        began=first.meta.time,
        latest=last.meta.time,
        cost=live.counters.cost if live else Decimal(0),
        unpriced=live.counters.unpriced_calls if live else 0,
        waits=tuple(_wait(call) for call in waiting if call.status in WAITS_FOR_HUMAN),
        last=last,
        action=action or last,
        exit=getattr(last.fact, "exit", None),
        state=state,
    )


def _request_of(first: Event) -> RunRequest | None:
    if isinstance(first.fact, j.RunCreated | j.RunRefused):
        return first.fact.request
    return None


def _wait(call: Call) -> Wait:
    match call.status:
        case CallStatus.ASKED:
            return Wait("question", call.call_id, call.tool, _said(call))
        case CallStatus.UNCERTAIN:
            return Wait("uncertain", call.call_id, call.tool, f"did {call.tool} happen?")
        case _:
            return Wait("approval", call.call_id, call.tool, f"may {call.tool} run?")


def _said(call: Call) -> str:
    return (call.arguments.inline or b"").decode("utf-8", "replace")
