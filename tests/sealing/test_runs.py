"""Runs of a sealed tenant: the log holds no word of them, and what is decided stays the same."""

from __future__ import annotations

from typing import Any

import pytest

import runfold
from runfold.events import run as j
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Record
from runfold.events.definitions import AgentDefinition, ModelChoice
from runfold.events.errors import WireError
from runfold.events.records.commands import ApproveToolCall
from runfold.events.run import Event
from runfold.events.values import Label, Limits, Placement
from runfold.testing import FakeModel, MemoryRun, MemoryRuntime, answer, call, complete
from tests.sealing.sealed import CANARY, Registry

OURS = {topics.EVENTS, topics.COMPLETIONS, topics.MODEL_CALLS, topics.TOOL_CALLS}
TOPICS = [topic.name for topic in topics.TOPICS]


@runfold.tool(risk_level=0)
def look(place: str) -> str:
    """Look at a place."""
    return f"{place} is fine"


@runfold.tool(risk_level=2, idempotent=True, approval="always", placement="pool")
def change(place: str) -> str:
    """Change a place."""
    return f"{place} is changed"


def agent(placement: Placement) -> AgentDefinition:
    return AgentDefinition(
        name="worker",
        version="1.0",
        instructions="work",
        prompt_version="p1",
        model=ModelChoice(name="scripted:x", placement=placement),
        tools=("look", "change"),
        limits=Limits(max_model_calls=10, max_tool_calls=10),
    )


def runtime(registry: Registry | None, placement: Placement = Placement.LOCAL) -> MemoryRuntime:
    model = FakeModel(
        answer(f"thinking of {CANARY}", call("look", place=CANARY)),
        answer("now", call("change", place=CANARY)),
        complete(f"done with {CANARY}", {"place": CANARY}),
    )
    made = MemoryRuntime(agent(placement), look, change, model=model)
    if registry is not None:
        made._codec.sealing = registry.codec().sealing
    return made


def run(made: MemoryRuntime) -> MemoryRun:
    found = made.run(f"look at {CANARY}", agent="worker", labels=(Label(key="who", value=CANARY),))
    (wait,) = found.waits
    approval = ApproveToolCall(
        request_id="r1",
        run_id=found.id,
        tenant_id="default",
        actor_id="me",
        requested_at=made.now,
        call_id=wait.call_id,
        comment=f"go on, {CANARY}",
    )
    made.control(approval, found.id)
    return found


def log_of(made: MemoryRuntime) -> list[tuple[str, bytes]]:
    found = [(name, entry) for name in TOPICS for entry in made._engine.entries(name)]
    return [(name, entry.value) for name, entry in found if entry.value is not None]


@pytest.mark.parametrize("placement", [Placement.LOCAL, Placement.POOL])
def test_no_topic_holds_a_word_of_a_sealed_run_and_it_completes(placement: Placement) -> None:
    registry = Registry()
    registry.seal()
    made = runtime(registry, placement)

    found = run(made)

    assert found.completion.payload["result"] == {"place": CANARY}
    holding = {name for name, value in log_of(made) if CANARY.encode() in value}
    assert holding == set()
    assert {name for name, _ in log_of(made)} >= {topics.EVENTS, topics.COMPLETIONS}


def test_an_unsealed_tenants_records_are_the_same_bytes_as_without_sealing() -> None:
    registry = Registry()
    registry.seal("another")
    made = runtime(registry)
    run(made)
    plain = Codec(LockRegistry())

    assert all(again(plain, name, value) == value for name, value in log_of(made))


def test_the_same_facts_are_the_same_bytes_in_every_process() -> None:
    registry = Registry()
    registry.seal()
    made = runtime(registry, Placement.POOL)
    run(made)
    registry.ring = registry.another()

    written = [entry for entry in log_of(made) if entry[0] in OURS]
    assert len(written) > 30
    assert all(again(registry.codec(), name, value) == value for name, value in written)


def test_a_process_that_begins_again_goes_on_from_sealed_events() -> None:
    registry = Registry()
    registry.seal()
    made = runtime(registry)
    found = made.run(f"look at {CANARY}", agent="worker")
    registry.ring = registry.another()
    made._codec.sealing = registry.codec().sealing
    made.restart()
    (wait,) = found.waits
    found.approve(wait.call_id)

    assert found.completion.exit_code == 0
    assert not [name for name, value in log_of(made) if CANARY.encode() in value]


def test_after_the_erasure_the_chain_stands_and_nothing_can_be_read() -> None:
    registry = Registry()
    key = registry.seal()
    made = runtime(registry)
    run(made)
    values = [value for name, value in log_of(made) if name == topics.EVENTS]
    registry.erase(key)

    shown = registry.codec(shows=True)
    events = [shown.decode(topics.EVENTS, value) for value in values]
    goals = [e.fact.content for e in events if _is(e, j.UserMessageReceived)]

    assert CANARY not in repr(events)
    assert {goal.key_id for goal in goals} == {key}
    approved = [e.fact.comment for e in events if _is(e, j.ToolCallApproved)]
    assert "(erased)" in approved
    with pytest.raises(WireError) as refused:
        [registry.codec().decode(topics.EVENTS, value) for value in values]
    assert refused.value.code == "erased"


def test_a_reader_without_keys_sees_names_and_no_word() -> None:
    registry = Registry()
    key = registry.seal()
    made = runtime(registry)
    run(made)
    foreign = Codec(LockRegistry())
    values = [value for name, value in log_of(made) if name == topics.COMPLETIONS]

    (end,) = [foreign.decode(topics.COMPLETIONS, value) for value in values]

    assert isinstance(end, Event)
    assert isinstance(end.fact, j.RunCompleted)
    assert (end.fact.agent, end.fact.exit.payload.key_id) == ("worker", key)
    assert CANARY not in repr(end)


def test_a_new_data_key_holds_from_then_on_and_the_old_one_still_opens() -> None:
    registry = Registry()
    first = registry.seal()
    made = runtime(registry)
    found = made.run(f"look at {CANARY}", agent="worker")
    second = registry.seal()
    (wait,) = found.waits
    found.approve(wait.call_id)

    used = {
        key
        for name, value in log_of(made)
        for key in (first, second)
        if name == topics.EVENTS and key.encode() in value
    }
    assert (found.completion.exit_code, used) == (0, {first, second})


def again(codec: Codec, topic: str, value: bytes) -> bytes:
    """Return what a codec writes of what it reads."""
    found = codec.decode(topic, value)
    if isinstance(found, Record):
        return codec.encode(topic, found)
    write = codec.encode_event if topic == topics.EVENTS else codec.encode_completion
    return write(found.meta, found.fact)


def _is(event: Any, kind: type) -> bool:
    return isinstance(event, Event) and isinstance(event.fact, kind)
