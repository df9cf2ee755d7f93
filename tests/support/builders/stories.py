"""Runs told from beginning to end as the engine records them: chained events with their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Record
from runfold.events.calls import Outcome
from runfold.events.contents.content import json_content, text
from runfold.events.definitions import Definitions
from runfold.events.records import commands
from runfold.events.run import GENESIS, Event, Meta
from runfold.events.values import Limits
from runfold.processors.engine.aggregate import Command, Env, Timer
from runfold.processors.run.aggregate import RUN as RUN_AGGREGATE
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.state import RunState
from tests.deciders.given import (
    RUN,
    answer,
    begins,
    broke,
    call,
    came_back,
    control,
    could_not_begin,
    done,
    held,
    model_error,
    request,
    story,
)
from tests.spec import Story

CODEC = Codec(LockRegistry())

Step = Record | Timer | Callable[[Story], Record | Timer]


def due(told: Story) -> Timer:
    timer = next_timer(told.run)
    assert timer is not None
    return timer


def resolved(how: commands.Resolution) -> commands.Control:
    return control(commands.ResolveToolCall, call_id=f"{RUN}.2", resolution=how, comment="asked")


def approval(n: int = 2, request_id: str = "r1", **more: object) -> commands.Control:
    return control(commands.ApproveToolCall, request_id, call_id=f"{RUN}.{n}", **more)


UNSURE = came_back(2, outcome=Outcome.UNCERTAIN, result=None)
WRITES = answer(call("write"))
SENDS = answer(call("send"))
LOOKS = answer(call("look"))
ASKS = answer(call("ask_human", {"question": "which?"}))
PLANS = answer(call("update_plan", {"steps": [{"id": "1", "description": "a", "status": "done"}]}))
TWO = answer(call("look", id="a"), call("write", id="b"))
OTHERS = control(commands.PauseRun, tenant_id="umbrella")
AGAIN = came_back(2, repeated=True, cost=Decimal("0.1"))
EFFECT = came_back(9, effect=True)
PRICE = Decimal("0.1")
SECOND = answer(call("complete_task", {"summary": "found"}), attempt=2)
DEAR = came_back(2, cost=PRICE)
UNSURE_AND_DEAR = UNSURE.model_copy(update={"cost": PRICE, "effect": True})
WRONG = json_content({"path": 7})

STORIES: dict[str, Sequence[Step]] = {
    "completes": [request(), LOOKS, came_back(2), done(n=3)],
    "is answered by a claim": [request(), LOOKS, AGAIN, done(n=3)],
    "gives up": [request(), answer(call("fail_task", {"reason": "no"}))],
    "is refused": [request(agent="nobody")],
    "has too large a goal": [request(goal=text("x" * 100_001))],
    "says nothing usable": [request(), answer(), answer(n=2), answer(n=3)],
    "has no model": [request(), model_error(), due, model_error(attempt=2)],
    "loses the model": [request(), begins(1), due, due, begins(1, 2), due],
    "retries a tool": [request(), LOOKS, broke(2), due, came_back(2, attempt=2)],
    "loses a tool call": [
        request(),
        SENDS,
        begins(2),
        due,
        resolved(commands.Resolution.DID_NOT_HAPPEN),
    ],
    "is unsure": [request(), SENDS, UNSURE, resolved(commands.Resolution.HAPPENED), done(n=3)],
    "cannot settle": [request(), SENDS, UNSURE, resolved(commands.Resolution.UNKNOWN)],
    "is approved": [request(), WRITES, approval(), came_back(2), done(n=3)],
    "is begun": [request(), WRITES, approval(), begins(2), came_back(2), done(n=3)],
    "is edited": [request(), WRITES, approval(arguments=json_content({"path": "b"}))],
    "is edited wrongly": [request(), WRITES, approval(arguments=WRONG), approval(7, "r2")],
    "is denied": [
        request(),
        WRITES,
        control(commands.DenyToolCall, call_id=f"{RUN}.2", reason="no"),
    ],
    "asks": [
        request(),
        ASKS,
        control(commands.AnswerQuestion, question_id=f"{RUN}.2", content=WRONG),
    ],
    "plans": [request(), PLANS, done(n=3)],
    "does two things": [request(), TWO, came_back(2), approval(3), came_back(3), done(n=4)],
    "pauses": [
        request(),
        LOOKS,
        control(commands.PauseRun, reason="lunch"),
        control(commands.PauseRun, "r2"),
        came_back(2),
        control(commands.ResumeRun, "r3"),
        control(commands.ResumeRun, "r4"),
    ],
    "is cancelled": [request(), LOOKS, control(commands.CancelRun, reason="enough")],
    "is told": [
        request(),
        LOOKS,
        control(commands.SendMessage, content=text("look there")),
        control(commands.EditInstructions, "r2", content=text("be brief")),
        came_back(2),
    ],
    "is meddled with": [request(), OTHERS],
    "hears late": [request(), LOOKS, EFFECT],
    "pays a lost model": [request(), begins(1), due, due, LOOKS, SECOND],
    "pays a lost tool": [
        request(),
        LOOKS,
        begins(2),
        due,
        DEAR,
        due,
        came_back(2, attempt=2),
        done(n=3),
    ],
    "pays a doubt": [request(), SENDS, UNSURE_AND_DEAR, resolved(commands.Resolution.HAPPENED)],
    "pays a doubt late": [request(), SENDS, begins(2), due, UNSURE_AND_DEAR, DEAR, done(n=3)],
    "waits for its model": [request(), held(1), due, answer(call("look"), attempt=2), came_back(2)],
    "waits for its tool": [
        request(),
        SENDS,
        could_not_begin(2, retry_after_ms=2_000),
        due,
        begins(2, 2),
        begins(2, 2, "pool-2"),
        came_back(2, attempt=2),
    ],
    "is handed out again": [request(), SENDS, due, begins(2), came_back(2)],
    "is paused before it begins": [
        request(),
        SENDS,
        control(commands.PauseRun),
        begins(2),
        control(commands.ResumeRun, "r2"),
        due,
    ],
    "runs out of time": [request(limits=Limits(max_duration_ms=10)), LOOKS, due],
    "runs out of money": [request(limits=Limits(max_cost=Decimal("0.005"))), LOOKS, came_back(2)],
    "misses its deadline": [request(deadline=story().now + timedelta(hours=1)), LOOKS, due],
}


def history(steps: Sequence[Step]) -> tuple[list[Event], Definitions]:
    """Return the events of a story, with the metadata that the engine gives them."""
    written, definitions = written_history(steps)
    return [event for _, event in written], definitions


class Recorder:
    """One run as the engine records it: decides bodies, chains the events and keeps them."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.state: RunState | None = None
        self.written: list[tuple[bytes, Event]] = []
        self._aggregate = RUN_AGGREGATE
        self._digest = GENESIS
        self._taken = 0

    def take(self, body: Record | Timer, now: datetime) -> list[tuple[bytes, Event]]:
        """Return the events that a body leads to, with their bytes."""
        self._taken += 1
        cause = body.cause if isinstance(body, Timer) else f"runs.inputs/0/{self._taken}"
        command, before = Command(body), len(self.written)
        for fact, state in self._aggregate.decide(self.state, command, Env(now, self.definitions)):
            self.state = state
            meta = Meta(
                run_id=getattr(body, "run_id", RUN),
                seq=len(self.written) + 1,
                tenant_id=state.tenant_id,
                time=now,
                status=state.status,
                cause=cause,
                actor=self._aggregate.actor(fact, command, state),
                traceparent=state.traceparent,
                prev_hash=self._digest,
                definitions=self.definitions.position,
            )
            value = CODEC.encode_event(meta, fact)
            self._digest = hashlib.sha256(value).digest()
            self.written.append((value, Event(meta, fact)))
        return self.written[before:]


def recorded_story(steps: Sequence[Step]) -> Recorder:
    """Return the recorder of a story that has been told."""
    told = story()
    recorder = Recorder(told.definitions)
    for step in steps:
        body = step(told) if callable(step) else step
        told = told.when(body)
        recorder.take(body, told.now)
    return recorder


def written_history(steps: Sequence[Step]) -> tuple[list[tuple[bytes, Event]], Definitions]:
    """Return the events of a story, each with its bytes on the journal."""
    recorder = recorded_story(steps)
    return recorder.written, recorder.definitions
