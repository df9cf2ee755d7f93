"""A default model is governed by its own name and by that of the model that it stands for."""

from __future__ import annotations

import pytest

from runfold.events import run as j
from runfold.events import topics
from runfold.events.base import Fact, Record
from runfold.events.definitions import Definitions, ModelChoice, SwitchThrown
from runfold.events.run import Event
from runfold.events.values import Placement
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.engine.memory import MemoryEngine
from runfold.processors.model.names import resolve
from runfold.processors.run import behaviour
from runfold.processors.run.aggregate import runs_that_begin_with
from runfold.processors.run.decide import decide
from runfold.processors.run.evolve import evolve
from runfold.processors.run.state import RunState
from tests.deciders.given import RUN, begins, request
from tests.deciders.governed import NO_X, SENDS, announced, governed, policy
from tests.deciders.policies.test_governed import NOW, after
from tests.replay.test_definitions_in_mid_run import Current, Known, judged
from tests.spec import START
from tests.support.builders.stories import CODEC

CHAT = ModelChoice(name="default:chat", placement=Placement.POOL)
REAL = "openai:gpt-x"
OFF = SwitchThrown(
    kind="model", name=REAL, tenant=None, stopped=True, reason="", decided_at=NOW, decided_by="ann"
)


def real(name: str) -> str:
    return resolve(name, (REAL,))


def said(
    state: RunState | None, command: Record, known: Definitions
) -> tuple[list[Fact], RunState | None]:
    facts = decide(state, Command(command), Env(START, known), resolve=real)
    for fact in facts:
        state = evolve(state, fact, START)
    return facts, state


@pytest.mark.parametrize("name", [REAL, "default:chat"])
def test_a_rule_on_either_name_stops_it(name: str) -> None:
    facts, _ = said(None, request(), governed(NO_X.format(name), model=CHAT))
    kinds = [type(fact).__name__ for fact in facts]
    assert "ModelCalled" not in kinds
    assert kinds[-1] == "RunFailed"
    failed = facts[-1]
    assert isinstance(failed, j.RunFailed)
    assert failed.error.error_type == "forbidden_model"
    assert name in failed.error.message


def test_a_switch_of_what_it_stands_for_stops_it() -> None:
    facts, _ = said(None, request(), after(governed(model=CHAT), OFF))
    failed = facts[-1]
    assert isinstance(failed, j.RunFailed)
    assert f"model {REAL}" in failed.error.message


def test_without_policies_and_switches_nothing_is_asked_or_recorded() -> None:
    facts, state = said(None, request(), governed(model=CHAT))
    assert not any(isinstance(fact, j.ModelResolved) for fact in facts)
    later, _ = said(state, begins(1), governed(model=CHAT))
    assert [type(fact).__name__ for fact in later] == ["CallBegun"]


def test_a_switch_that_is_thrown_meanwhile_stops_what_waits_in_a_pool() -> None:
    _, state = said(None, request(), governed(model=CHAT))
    facts, _ = said(state, begins(1), after(governed(model=CHAT), OFF))
    assert [type(fact).__name__ for fact in facts] == ["ModelResolved", "RunFailed"]


def lived(*moments: Definitions) -> list[tuple[bytes, Event]]:
    """A run that is asked for under the first definitions, and begins under the others in turn."""
    source = Current(moments[0])
    spec = runs_that_begin_with(behaviour.CURRENT, resolve=real)
    engine = MemoryEngine(spec, CODEC, source, now=START)
    for number, rules in enumerate(moments):
        source.rules = rules
        topic = topics.RESULTS if number else topics.REQUESTS
        record = begins(1, by=f"pool-{number}") if number else request()
        engine.put(topic, RUN, CODEC.encode(topic, record))
        engine.settle()
    values = [entry.value or b"" for entry in engine.entries(topics.EVENTS)]
    decoded = [(value, CODEC.decode(topics.EVENTS, value)) for value in values]
    return [(value, event) for value, event in decoded if isinstance(event, Event)]


PLAIN = governed(model=CHAT)
RULED = after(PLAIN, *announced(policy(NO_X.format("another:model"), "one")))


@pytest.mark.parametrize(
    ("moments", "last"),
    [
        ((RULED, after(RULED, *announced(policy(SENDS, "two")))), "CallBegun"),
        ((PLAIN, after(PLAIN, OFF)), "RunFailed"),
        ((PLAIN, RULED), "CallBegun"),
        ((RULED, after(RULED, *announced(policy(NO_X.format(REAL), "no")))), "RunFailed"),
    ],
)
def test_what_it_stands_for_is_pinned_and_an_audit_needs_no_settings(
    moments: tuple[Definitions, ...], last: str
) -> None:
    written = lived(*moments)
    kinds = [event.type for _, event in written]
    assert kinds.count("ModelResolved") == 1
    assert kinds[-1] == last
    # Nobody wrote down how it completed; that is no part of this.
    faults = judged(written, Known(*moments)).faults
    assert [each.kind for each in faults if each.kind != "completion"] == []
