"""Kill switches: what is stopped begins no run and no call, and everything of it is on record."""

from __future__ import annotations

from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.definitions import Definitions, SwitchThrown
from runfold.events.records import commands
from runfold.processors.definitions.record import fold
from tests.deciders.given import (
    RUN,
    TENANT,
    agent,
    answer,
    begins,
    call,
    came_back,
    control,
    definitions,
    done,
    request,
    story,
)
from tests.spec import START, Story


def thrown(kind: str, name: str, tenant: str | None = None, *, stopped: bool = True) -> Any:
    return SwitchThrown(
        kind=kind,
        name=name,
        tenant=tenant,
        stopped=stopped,
        reason="a leak",
        decided_at=START,
        decided_by="ann",
    )


def after(known: Definitions, *switches: SwitchThrown) -> Definitions:
    for each in switches:
        known, refused = fold(known, each, known.position)
        assert refused == ""
    return known


_STOPS = [("tenant", TENANT), ("agent", "worker"), ("model", "scripted:x")]


@pytest.mark.parametrize(("kind", "name"), _STOPS)
def test_no_run_begins_with_what_is_stopped(kind: str, name: str) -> None:
    known = after(definitions(), thrown(kind, name))
    refused = Story(known).when(request()).only(j.RunRefused)
    assert refused.code == "stopped"
    assert f"{kind} {name}" in refused.reason


@pytest.mark.parametrize(("kind", "name"), _STOPS)
def test_a_live_run_ends_at_its_next_call(kind: str, name: str) -> None:
    run = story().when(request())
    known = after(run.definitions, thrown(kind, name))
    stopped = Story(known, run.state, run.now, run.facts).when(answer(call("look")))
    if kind == "model":
        # Its tools may still be called; its model is asked no more.
        stopped = stopped.when(came_back(2))
    assert stopped.only(j.RunFailed).error.error_type == "stopped"
    assert not any(isinstance(fact, j.ToolCallStarted | j.ModelCalled) for fact in stopped.said)


def test_a_stopped_tool_is_denied_and_the_run_goes_on() -> None:
    run = story().when(request())
    known = after(run.definitions, thrown("tool", "look"))
    stopped = Story(known, run.state, run.now, run.facts).when(answer(call("look")))
    assert "stopped" in stopped.only(j.ToolCallDenied).reason
    assert stopped.names()[-1] == "ModelCalled"
    assert stopped.when(done(n=3)).names()[-1] == "RunCompleted"


def test_a_call_that_was_approved_does_not_begin_while_its_tool_is_stopped() -> None:
    run = story().when(request(), answer(call("write")))
    approved = control(commands.ApproveToolCall, call_id=f"{RUN}.2")
    known = after(run.definitions, thrown("tool", "write"))
    stopped = Story(known, run.state, run.now, run.facts).when(approved)
    assert stopped.only(j.ToolCallDenied).code == "withdrawn"
    # Nor does one that was handed out before, and that a pool is about to begin.
    out = run.when(approved)
    assert out.only(j.ToolCallStarted).call_id == f"{RUN}.2"
    stopped = Story(known, out.state, out.now, out.facts).when(begins(2))
    assert stopped.only(j.ToolCallDenied).code == "withdrawn"
    assert not any(isinstance(fact, j.CallBegun) for fact in stopped.said)


def test_a_stopped_fallback_is_left_out() -> None:
    model = agent().model.model_copy(update={"fallbacks": ("scripted:y", "scripted:z")})
    known = after(definitions(agent(model=model, tools=())), thrown("model", "scripted:y"))
    assert Story(known).when(request()).only(j.ModelCalled).fallbacks == ("scripted:z",)


def test_a_switch_of_a_tenant_holds_for_its_runs_only() -> None:
    known = after(definitions(), thrown("agent", "worker", "other"))
    assert Story(known).when(request()).names()[-1] == "ModelCalled"
    refused = Story(known).when(request(tenant_id="other")).only(j.RunRefused)
    assert refused.code == "stopped"


def test_what_goes_on_again_begins_again() -> None:
    known = after(
        definitions(), thrown("agent", "worker"), thrown("agent", "worker", stopped=False)
    )
    assert Story(known).when(request()).names()[-1] == "ModelCalled"
    assert list(known.switches()) == []


@pytest.mark.parametrize(
    ("switch", "said"),
    [
        (thrown("agent", "wroker"), "no agent wroker is published for all tenants"),
        (thrown("wheel", "x"), "say one of tenant, agent, tool, model"),
        (thrown("model", " "), "say which model"),
        (thrown("agent", "worker", stopped=False), "agent worker is not stopped"),
        (thrown("tenant", "acme", "other"), "a tenant is stopped by its own name"),
    ],
)
def test_a_switch_that_stops_nothing_is_refused(switch: SwitchThrown, said: str) -> None:
    _, refused = fold(definitions(), switch, 10)
    assert said in refused


def test_an_older_position_knows_nothing_of_a_later_switch() -> None:
    before = definitions()
    later = after(before, thrown("agent", "worker"))
    assert later.stopped("agent", "worker", TENANT) is not None
    assert later.at(before.position).stopped("agent", "worker", TENANT) is None


def test_runs_of_an_older_behaviour_do_not_know_switches() -> None:
    from runfold.processors.engine.aggregate import Command, Env  # noqa: PLC0415
    from runfold.processors.run.decide import decide  # noqa: PLC0415

    known = after(definitions(), thrown("agent", "worker"))
    said = decide(None, Command(request()), Env(START, known), 6)
    assert type(said[-1]).__name__ == "ModelCalled"
