"""What people do to governed runs: in time or too late, with and without the right, by what is
shown or by what was, alone and together; they extend, refuse, take over and hand back.

All of it follows from the seed and from what is heard, so that it is said again after a kill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

from runfold.events import run as j
from runfold.events.contents.content import json_content, text
from runfold.events.people.approvals import Holds, HoldsFor
from runfold.events.records import commands as c
from runfold.events.tenant.values import Amount
from runfold.events.values import ProposedCall
from tests.system.torture.simulation.governed import ASKING, FILE, GOVERNED, MORE

APPROVERS = ("ann", "ben")
DORA, EVE = "dora", "eve"
"""Who takes runs over, and who meddles with what another one holds."""

ROLES = ("approver", "operator")
"""The roles of everybody who may do anything here."""

_HOLD_MS = 60_000
_STALE = bytes(32)
_MORE = (Amount.model_validate({"unit": "usd", "amount": MORE}),)


class Said(NamedTuple):
    """A control to come: in how many seconds, of which kind, and what makes its request its own."""

    late: float
    kind: type[c.Control]
    about: str
    fields: dict[str, Any]


def _by(who: str, *roles: str) -> dict[str, Any]:
    return {"actor_id": who, "roles": roles or ROLES}


class Steering:
    """Hears what happens to governed runs and yields what people say to it."""

    def __init__(self, choice: Callable[..., Random], latest_s: float) -> None:
        self._choice = choice
        self._latest_s = latest_s
        self._agents: dict[str, str] = {}

    def hears(self, event: j.Event) -> bool:
        """Whether people of such a tenant look after the run."""
        if isinstance(event.fact, j.RunCreated):
            shape = event.fact.agent.name.removeprefix("torture-")
            if shape in GOVERNED:
                self._agents[event.meta.run_id] = shape
        return event.meta.run_id in self._agents

    def said(self, event: j.Event) -> Iterator[Said]:
        """Yield what people say because of an event."""
        run_id = event.meta.run_id
        match event.fact:
            case j.RunStarted():
                yield from self._on_start(run_id)
            case j.ApprovalRequested() as fact:
                yield from self._on_approval(run_id, fact)
            case j.HumanInputRequested() as fact:
                yield from self._on_question(run_id, fact)
            case j.ExtensionAwaited() as fact:
                yield from self._on_wait_for_more(run_id, fact.question_id)
            case j.ExtensionRefused(code=code, extension_id=about) if code != "denied":
                # A tenant's refusal leaves a run waiting that waits for a person.
                yield Said(0.2, c.DenyExtension, f"no/{about}", _by("ann") | {"reason": "no room"})
            case _:
                pass

    def _late(self, choice: Random) -> float:
        return choice.random() * self._latest_s

    def _on_start(self, run_id: str) -> Iterator[Said]:
        choice = self._choice("start", run_id)
        what, at = choice.random(), self._late(choice)
        if what < 0.08:
            yield Said(at, c.CancelRun, "cancel", _by("ann") | {"reason": "enough"})
        elif what < 0.16:
            yield Said(at, c.PauseRun, "pause", _by("ann") | {"reason": "lunch"})
            yield Said(at + 1, c.ResumeRun, "resume", _by("ann") | {"reason": "back"})
        elif what < 0.24:
            yield Said(at, c.CancelRun, "forbidden", _by("mallory", "guest") | {"reason": "mine"})
        if choice.random() < 0.2:
            yield Said(at, c.ExtendRun, "more", _by("ben") | {"added": _MORE, "reason": "worth it"})
        if choice.random() < 0.3 and self._agents[run_id] == ASKING:
            yield from self._taken_over(at + 0.3, "early")

    def _taken_over(self, at: float, about: str) -> Iterator[Said]:
        """Take a run over, answer in the model's place, be meddled with, and hand it back."""
        yield Said(at, c.TakeOverRun, about, _by(DORA) | {"reason": "mine", "hold_ms": _HOLD_MS})
        yield Said(at + 0.2, c.HandBackRun, f"{about}/eve", _by(EVE) | {"reason": "not hers"})
        arguments = json_content({"text": f"by a person, {about}"})
        proposed = ProposedCall(id="p", name=FILE, arguments=arguments)
        for number, who in enumerate((EVE, DORA, DORA)):
            fields = _by(who) | {"text": text("this first"), "calls": (proposed,)}
            when = at + 0.4 * (number + 1)
            yield Said(when, c.ReplyAsModel, f"{about}/{number}", fields)
        yield Said(at + 2.0, c.HandBackRun, f"{about}/back", _by(DORA) | {"reason": "all done"})

    def _on_approval(self, run_id: str, fact: j.ApprovalRequested) -> Iterator[Said]:
        shown = fact.shown_digest or b""
        choice = self._choice("approval", run_id, fact.call_id, shown.hex())
        verdict, about = choice.random(), f"{fact.call_id}/{shown.hex()[:12]}"
        if verdict < 0.08:
            # Nobody decides: others are asked, and then it is denied.
            return
        if verdict < 0.16:
            fields = _by("ann") | {"call_id": fact.call_id, "reason": "no", "shown_digest": shown}
            yield Said(self._late(choice), c.DenyToolCall, about, fields)
            return
        edits = json_content(self._edited(fact)) if verdict < 0.28 else None
        holds = self._holds(choice) if 0.28 <= verdict < 0.5 else None
        if verdict > 0.7:
            yield self._approval(0.1, fact, f"{about}/stale", "ann", {"shown_digest": _STALE})
            yield self._approval(0.1, fact, f"{about}/guest", "mallory", {"roles": ("guest",)})
        for who in APPROVERS:
            more = {"arguments": edits if who == APPROVERS[0] else None, "holds": holds}
            late = self._late(choice)
            yield self._approval(late, fact, f"{about}/{who}", who, more)
            if verdict > 0.85:
                # The same person twice is one person.
                yield self._approval(late, fact, f"{about}/{who}/twice", who, more)

    @staticmethod
    def _approval(
        late: float, fact: j.ApprovalRequested, about: str, who: str, more: dict[str, Any]
    ) -> Said:
        fields = {"call_id": fact.call_id, "shown_digest": fact.shown_digest}
        return Said(late, c.ApproveToolCall, about, _by(who) | fields | more)

    @staticmethod
    def _edited(fact: j.ApprovalRequested) -> dict[str, Any]:
        return {"text": "edited"} if fact.tool == FILE else {"amount": 99}

    @staticmethod
    def _holds(choice: Random) -> Holds:
        scope = choice.choice((HoldsFor.TOOL, HoldsFor.RUN, HoldsFor.ONCE))
        return Holds(scope=scope, times=choice.choice((2, 2, 3)))

    def _on_question(self, run_id: str, fact: j.HumanInputRequested) -> Iterator[Said]:
        choice = self._choice("question", run_id, fact.question_id)
        if choice.random() < 0.3:
            yield from self._taken_over(self._late(choice), fact.question_id)
        about, late = {"question_id": fact.question_id, "content": text("go on")}, choice.random()
        stale = _by("ann") | about | {"shown_digest": _STALE}
        yield Said(late, c.AnswerQuestion, f"{fact.question_id}/stale", stale)
        shown = _by("ann") | about | {"shown_digest": fact.shown_digest}
        yield Said(late + 1, c.AnswerQuestion, fact.question_id, shown)

    def _on_wait_for_more(self, run_id: str, question: str) -> Iterator[Said]:
        choice = self._choice("more", run_id, question)
        if choice.random() < 0.25:
            yield Said(
                self._late(choice), c.DenyExtension, question, _by("ann") | {"reason": "enough"}
            )
            return
        added = {"added": _MORE, "reason": "it is worth it"}
        yield Said(self._late(choice), c.ExtendRun, question, _by("ben") | added)


def control(event: j.Event, said: Said) -> c.Control:
    """Return the control; its request follows from the run and from what it is about."""
    meta = event.meta
    return said.kind.model_validate(
        {
            "request_id": f"{meta.run_id}/{said.kind.__name__}/{said.about}",
            "run_id": meta.run_id,
            "tenant_id": meta.tenant_id,
            "actor_id": "person",
            "roles": ROLES,
            "requested_at": datetime.now(UTC),
            **said.fields,
        }
    )
