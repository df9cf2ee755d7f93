"""Policies that change while a run is under way: each decision is audited under those in force."""

from __future__ import annotations

from dataclasses import replace

from runfold.events import run as j
from runfold.events import topics
from runfold.events.base import Record
from runfold.events.definitions import Definitions
from runfold.events.records import commands
from runfold.events.run import Event
from runfold.events.topics import EVENTS
from runfold.processors.engine.memory import MemoryEngine
from runfold.processors.run.aggregate import RUNS
from tests.deciders.given import RUN, SEND, answer, begins, call, came_back, control, request
from tests.deciders.governed import NO_SENDING, NO_X, SENDS, announced, governed, policy
from tests.deciders.policies.test_governed import after
from tests.replay.test_definitions_in_mid_run import Current, Known, judged
from tests.spec import START
from tests.support.builders.stories import CODEC
from tests.surfaces.records.test_verifier import rechained

OPEN = governed(
    SENDS, NO_X.format("other:model"), tools=(SEND.model_copy(update={"approval": "always"}),)
)
WATCHED = after(OPEN, *announced(policy(SENDS, "more")))
CLOSED = after(WATCHED, *announced(policy(NO_SENDING, "stop")))


def lived() -> list[tuple[bytes, Event]]:
    """A call approved, begun under other policies, then one approved and forbidden meanwhile."""
    source = Current(OPEN)
    engine = MemoryEngine(RUNS, CODEC, source, now=START)

    def put(topic: str, record: Record, rules: Definitions) -> None:
        source.rules = rules
        engine.put(topic, RUN, CODEC.encode(topic, record))
        engine.settle()

    def approve(n: int) -> commands.Control:
        return control(commands.ApproveToolCall, f"a{n}", call_id=f"{RUN}.{n}")

    put(topics.REQUESTS, request(), OPEN)
    put(topics.RESULTS, answer(call("send")), OPEN)
    put(topics.CONTROLS, approve(2), OPEN)
    put(topics.RESULTS, begins(2), WATCHED)
    put(topics.RESULTS, came_back(2), WATCHED)
    put(topics.RESULTS, answer(call("send", {"path": "b"}), n=3), WATCHED)
    put(topics.CONTROLS, approve(4), CLOSED)
    values = [entry.value or b"" for entry in engine.entries(EVENTS)]
    decoded = [(value, CODEC.decode(EVENTS, value)) for value in values]
    return [(value, event) for value, event in decoded if isinstance(event, Event)]


def known(*, closed: Definitions = CLOSED) -> Known:
    return Known(OPEN, WATCHED, closed)


def test_every_decision_is_made_again_under_the_policies_of_its_moment() -> None:
    written = lived()
    kinds = [event.type for _, event in written]
    assert kinds.count("ToolCallStarted") == 1
    assert "ToolCallDenied" in kinds
    calls = [
        event.fact.effect.value
        for _, event in written
        if isinstance(event.fact, j.PolicyDecided) and event.fact.action == "tool.call"
    ]
    assert calls == ["permit", "permit", "permit", "permit", "forbid"]
    assert judged(written, known()).faults == ()


def test_a_policy_whose_text_was_changed_afterwards_is_found() -> None:
    (fault,) = judged(lived(), known(closed=replace_stop(SENDS))).faults
    assert fault.kind == "decision"


def replace_stop(cedar: str) -> Definitions:
    return after(WATCHED, *announced(policy(cedar, "stop")))


def test_a_permit_that_is_forged_is_found_behind_an_unbroken_chain() -> None:
    events = []
    for _, event in lived():
        fact = event.fact
        if isinstance(fact, j.PolicyDecided) and fact.effect is j.PolicyEffect.FORBID:
            fact = fact.model_copy(update={"effect": j.PolicyEffect.PERMIT})
        events.append(replace(event, fact=fact))
    (fault,) = judged(rechained(events), known()).faults
    assert fault.kind == "decision"
    assert "another effect" in fault.reason
