"""A run's detail and state, folded from its events: the one place that reads the run's own state.

What the fold keeps is the run aggregate's business and changes with it; what is shown is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runfold.events import run as j
from runfold.events.people.origin import Origin
from runfold.events.run import Event
from runfold.events.values import RunRequest
from runfold.events.wording import coded, plain, question_of
from runfold.processors.run.evolve import evolve
from runfold.processors.run.state import WAITS_FOR_HUMAN, CallStatus, Live, RunState
from runfold.processors.run.state import RoundCall as CallState
from runfold.processors.run.state import Used as UsedState
from runfold.surfaces.application import shapes
from runfold.surfaces.application.rendering import completion_of, json_of, known_usd, text_of
from runfold.surfaces.words import arguments as in_words
from runfold.surfaces.words import result, said

_BOOKKEEPING = (j.CheckpointWritten, j.ContextHydrated, j.BudgetReserved, j.BudgetSettled)
_NEXT = frozenset(CallStatus) - {CallStatus.RUNNING, CallStatus.CLOSED}


class RunFold:
    """Takes a run's events one by one, from the first, and says where the run stands."""

    def __init__(self) -> None:
        self._first: Event | None = None
        self._last: Event | None = None
        self._action: Event | None = None
        self._state: RunState | None = None
        self._live: Live | None = None
        self._model = ""
        self._goal = ""

    @property
    def last(self) -> Event | None:
        """The last event that was taken."""
        return self._last

    def take(self, event: Event) -> None:
        """Advance to the run's next event."""
        self._first = self._first or event
        self._last = event
        self._state = evolve(self._state, event.fact, event.meta.time)
        if isinstance(self._state, Live):
            self._live = self._state
        if self._action is None or not isinstance(event.fact, _BOOKKEEPING):
            self._action = event
        match event.fact:
            case j.ModelResponded(model=model):
                self._model = model
            case j.UserMessageReceived(kind=j.MessageKind.GOAL, content=content):
                self._goal = text_of(content)
            case _:
                pass

    def detail(self) -> shapes.RunDetail | None:
        """Return where the run stands, None before its first event."""
        fields = self._fields()
        return None if fields is None else shapes.RunDetail(**fields)

    def state(self) -> shapes.RunState | None:
        """Return the run whole, with what its model sees; None before its first event."""
        fields = self._fields()
        if fields is None:
            return None
        live = self._live if isinstance(self._state, Live) else None
        return shapes.RunState(
            **fields,
            paused=live.idle.paused if live else False,
            instructions=json_of(live.loop.instructions) if live else None,
            plan=_plan(live),
            messages=_messages(live),
            artifacts=live.since_checkpoint.artifacts if live else (),
        )

    def _fields(self) -> dict[str, Any] | None:
        first, last, live = self._first, self._last, self._live
        if first is None or last is None:
            return None
        request = _request_of(first)
        used = live.counters if live else UsedState()
        open_calls = self._open_calls()
        exit_ = getattr(last.fact, "exit", None)
        held = self._state.idle.held if isinstance(self._state, Live) else None
        waits = tuple(_wait(call) for call in open_calls if call.status in WAITS_FOR_HUMAN)
        waits += _limit(live)
        return {
            "run_id": last.meta.run_id,
            "tenant_id": last.meta.tenant_id,
            "user_id": request.user_id if request else "",
            "agent": live.agent.name if live else request.agent if request else "",
            "agent_version": live.agent.version if live else None,
            "model": self._model or (live.pinned.model if live else ""),
            # A run that was refused has no message: its goal is in the request.
            "goal": self._goal or (text_of(request.goal) if request else ""),
            "status": last.meta.status,
            "seq": last.meta.seq,
            "created_at": first.meta.time,
            "updated_at": last.meta.time,
            "cost_usd": known_usd(used.cost, used.unpriced_calls),
            "unpriced_calls": used.unpriced_calls,
            "used": _used(used),
            "last_event": last.type,
            "last_action": said((self._action or last).fact),
            "next_action": next((_next(c) for c in open_calls if c.status in _NEXT), None),
            "requires_approval": any(wait.kind == "approval" for wait in waits),
            "waits_for": waits,
            "calls": tuple(_call(call) for call in open_calls),
            "exit": completion_of(exit_) if exit_ is not None else None,
            "held_by": held.by if held else None,
            "held_until": held.until if held else None,
            "identity": identity_of(request, first.fact) if request else None,
        }

    def _open_calls(self) -> tuple[CallState, ...]:
        if not isinstance(self._state, Live):
            return ()
        return tuple(
            call for call in self._state.loop.round if call.status is not CallStatus.CLOSED
        )


def detail_of(events: Iterable[Event]) -> shapes.RunDetail | None:
    """Return where a run stands after these events, None where there are none."""
    fold = RunFold()
    for event in events:
        fold.take(event)
    return fold.detail()


def identity_of(request: RunRequest, fact: object = None) -> shapes.RunIdentity:
    """Return for whom a run was asked for; ``fact`` is the one that it began with."""
    origin = request.origin or Origin()
    trace = str(getattr(fact, "requester_trace", None) or "")
    return shapes.RunIdentity(
        user_id=request.user_id,
        tenant_id=request.tenant_id,
        role=request.roles[0] if request.roles else None,
        roles=request.roles,
        scopes=request.scopes,
        data_classification=request.data_classification.value,
        request_id=origin.request_id or None,
        trace_id=origin.trace_id or trace[3:35] or None,
        credential=origin.credential or None,
    )


def _request_of(first: Event) -> RunRequest | None:
    if isinstance(first.fact, j.RunCreated | j.RunRefused):
        return first.fact.request
    return None


def _used(used: UsedState) -> shapes.Used:
    return shapes.Used(
        step=used.step,
        model_calls=used.model_calls,
        tool_calls=used.tool_calls,
        retries=used.retries,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        unpriced_calls=used.unpriced_calls,
        cost_usd=known_usd(used.cost, used.unpriced_calls),
    )


def _call(call: CallState) -> shapes.Call:
    return shapes.Call(
        call_id=call.call_id,
        tool=call.tool,
        status=call.status.value,
        arguments=json_of(call.arguments),
        risk_level=call.risk_level,
        attempt=call.attempt,
        due=call.due,
    )


def _next(call: CallState) -> str:
    return f"{call.tool}({in_words(call.arguments, 100)})"


def _limit(live: Live | None) -> tuple[shapes.Wait, ...]:
    """Return the limit for which a run waits for a person to extend it."""
    met = live.budget.more.met if live else None
    if met is None or met.question_id is None:
        return ()
    told = {"limit": met.limit, "used": met.used, "allowed": met.allowed}
    question = plain(coded("may_use_more", told))
    return (
        shapes.Wait(
            kind="limit", call_id=met.question_id, tool="", question=question, arguments=told
        ),
    )


def _wait(call: CallState) -> shapes.Wait:
    consent = call.consent
    match call.status:
        case CallStatus.ASKED:
            kind, question = "question", question_of(call.arguments)
        case CallStatus.UNCERTAIN:
            kind, question = "uncertain", f"did {call.tool} happen?"
        case _:
            found = call.proposal.dry_run
            tried = "" if found is None else f" Its dry run: {result(found)}"
            kind, question = "approval", f"may {call.tool} run?{tried}"
    return shapes.Wait(
        kind=kind,
        call_id=call.call_id,
        tool=call.tool,
        question=question,
        arguments=json_of(call.arguments),
        shown_digest=consent.shown.hex() if consent.shown else None,
        approvals_needed=consent.terms.approvers if kind == "approval" else None,
        approved_by=tuple(each.id for each in consent.given) if kind == "approval" else (),
    )


def _plan(live: Live | None) -> tuple[shapes.PlanStep, ...]:
    steps = live.loop.plan.steps if live and live.loop.plan else ()
    return tuple(
        shapes.PlanStep(id=s.id, description=s.description, status=s.status, tool=s.tool)
        for s in steps
    )


def _messages(live: Live | None) -> tuple[shapes.Message, ...]:
    return tuple(
        shapes.Message(
            role=message.role.value,
            content=json_of(message.content),
            calls=tuple(call.name for call in message.tool_calls),
            is_error=message.is_error,
        )
        for message in (live.loop.transcript.messages if live else ())
    )
