"""A long run: what its model is shown is chosen and kept outside, so nothing outgrows the log."""

from __future__ import annotations

import pytest

from runfold.events import run as j
from runfold.events import topics
from runfold.events.definitions import AgentDefinition, ModelChoice
from runfold.events.values import Placement
from runfold.producers.client.messages import Messages
from runfold.testing import FakeModel, MemoryRuntime, answer, call, complete
from runfold.testing.run import MemoryRun

_EIGHT_KB = 8_000


def agent(**changes: object) -> AgentDefinition:
    """An agent whose model is asked in a pool."""
    model = ModelChoice.model_validate(
        {"name": "fake:model", "placement": Placement.POOL, **changes}
    )
    return AgentDefinition(
        name="clerk", version="1", instructions="work", prompt_version="1", model=model
    )


def told(runtime: MemoryRuntime, messages: int, size: int = _EIGHT_KB) -> MemoryRun:
    """A run that asks its person a question, and hears many messages before the answer."""
    run = runtime.run("read all of it", agent="clerk")
    hear(runtime, run, messages, size)
    run.answer(run.waits[0].call_id, "go on")
    return run


def hear(runtime: MemoryRuntime, run: MemoryRun, messages: int, size: int) -> None:
    to_run = Messages("default", "me")
    for n in range(messages):
        runtime.control(to_run.tell(run.id, f"{n:06}" + "x" * (size - 6)), run.id)


def facts_of(run: MemoryRun, kind: type) -> list[object]:
    return [fact for fact in run.facts if isinstance(fact, kind)]


def test_a_thousand_messages_of_8_kb_reach_a_model_in_a_pool() -> None:
    model = FakeModel(answer("", call("ask_human", question="ready?")), complete("read"))
    runtime = MemoryRuntime(agent(), model=model)
    run = told(runtime, 1_000)
    assert run.completion.exit_code == 0
    said = [message.content.inline for message in model.asked[-1].messages if message.content]
    assert sum(len(part or b"") for part in said) > 8_000_000
    assert [part[:6] for part in said if part and len(part) == _EIGHT_KB][::333] == [
        b"000000",
        b"000333",
        b"000666",
        b"000999",
    ]
    assert runtime._engine.entries(topics.DEAD_LETTERS) == []


def test_what_travels_to_the_pool_stays_small() -> None:
    model = FakeModel(answer("", call("ask_human", question="ready?")), complete("read"))
    runtime = MemoryRuntime(agent(), model=model)
    told(runtime, 200)
    sizes = [len(entry.value or b"") for entry in runtime._engine.entries(topics.MODEL_CALLS)]
    assert len(sizes) == 2
    assert max(sizes) < 50_000


def test_a_budget_of_tokens_keeps_the_goal_and_the_newest() -> None:
    model = FakeModel(answer("", call("ask_human", question="ready?")), complete("read"))
    runtime = MemoryRuntime(agent(placement=Placement.LOCAL, context_tokens=300), model=model)
    run = told(runtime, 20, size=200)
    said = [m.content.inline or b"" for m in model.asked[-1].messages if m.content]
    assert said[0] == b"read all of it"
    assert [part[:6] for part in said[1:]] == [f"{n:06}".encode() for n in range(15, 20)]
    (chosen,) = facts_of(run, j.ContextSelected)
    assert isinstance(chosen, j.ContextSelected)
    assert (chosen.selected_count, chosen.dropped_count) == (6, 17)
    assert facts_of(run, j.ModelCalled)[-1].context_digest == chosen.digest  # type: ignore[attr-defined]


def test_a_short_run_asks_for_no_selection() -> None:
    model = FakeModel(answer("", call("ask_human", question="ready?")), complete("read"))
    run = told(MemoryRuntime(agent(context_tokens=100_000), model=model), 3)
    assert facts_of(run, j.ContextCalled) == []


def test_what_must_stay_and_does_not_fit_ends_the_run_with_the_reason() -> None:
    model = FakeModel(answer("", call("ask_human", question="ready?")))
    run = told(MemoryRuntime(agent(context_tokens=30), model=model), 1, size=4_000)
    assert run.completion.exit_code == 4
    assert "30 are allowed" in str(run.completion.payload)


@pytest.mark.parametrize("kills", [1, 2])
def test_a_selection_survives_a_kill(kills: int) -> None:
    model = FakeModel(answer("", call("ask_human", question="ready?")), complete("read"))
    runtime = MemoryRuntime(agent(context_tokens=300), model=model)
    run = runtime.run("read all of it", agent="clerk")
    hear(runtime, run, 20, 200)
    for _ in range(kills):
        runtime.restart()
    run.answer(run.waits[0].call_id, "go on")
    runtime.restart()
    assert run.completion.exit_code == 0
    assert len(facts_of(run, j.ContextSelected)) == 1
