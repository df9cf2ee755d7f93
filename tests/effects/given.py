"""Work and handlers for the tests of the hosts of effects."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from runfold.events.base import Record
from runfold.events.calls import ModelWork, Outcome, ToolResult, ToolWork
from runfold.events.contents.content import json_content, text
from runfold.events.values import Attribution, DataClassification
from runfold.processors.effects.local import LocalEffects

ATTRIBUTION = Attribution(user_id="u", agent="a", agent_version="1", prompt_version="p")


def tool_work(call_id: str = "r.1", attempt: int = 1, **more: object) -> ToolWork:
    """A tool call; its run is what stands before the dot of its id."""
    given = {
        "run_id": call_id.partition(".")[0],
        "tenant_id": "acme",
        "user_id": "u",
        "call_id": call_id,
        "attempt": attempt,
        "tool": "t",
        "tool_version": "1",
        "arguments": json_content({}),
        "idempotency_key": call_id,
        "timeout_ms": 1000,
        "traceparent": "",
        "attribution": ATTRIBUTION,
        **more,
    }
    return ToolWork.model_validate(given)


def model_work(call_id: str = "r.1") -> ModelWork:
    """A model call."""
    return ModelWork(
        run_id=call_id.partition(".")[0],
        tenant_id="acme",
        call_id=call_id,
        attempt=1,
        model="scripted:x",
        fallbacks=(),
        instructions=text(""),
        messages=(),
        tools=(),
        timeout_ms=1000,
        attribution=ATTRIBUTION,
        data_classification=DataClassification.INTERNAL,
        traceparent="",
    )


def succeeded(work: ToolWork, value: object = None) -> ToolResult:
    """The result of a call that went well."""
    return ToolResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.SUCCEEDED,
        latency_ms=0,
        result=json_content(value),
    )


class Inbox:
    """Takes deliveries on any thread and hands them to the test."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self.results: list[Record] = []

    def deliver(self, result: Record) -> None:
        """Take one result."""
        with self._arrived:
            self.results.append(result)
            self._arrived.notify_all()

    def wait(self, count: int, seconds: float = 10.0) -> Sequence[Record]:
        """Return the results once there are so many."""
        with self._arrived:
            there = self._arrived.wait_for(lambda: len(self.results) >= count, seconds)
            assert there, f"{len(self.results)} of {count} results came in {seconds} s"
            return list(self.results)


def settled(effects: LocalEffects) -> None:
    """Wait until the loop has done what was handed to it before."""
    for _turn in range(3):
        answered = threading.Event()
        effects.ping(answered.set)
        assert answered.wait(5)
