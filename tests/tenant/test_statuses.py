"""The eleven statuses of a run, as the page of tenants has them: each is reached, `queued` too."""

from __future__ import annotations

from pathlib import Path

from runfold.events.base import Record
from runfold.events.records import commands
from runfold.events.tenant import AdmissionAnswered, Verdict
from runfold.events.values import RunStatus
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.run.decide import steps
from runfold.processors.run.state import RunState
from tests.deciders.given import (
    LOOK,
    RUN,
    agent,
    answer,
    call,
    came_back,
    control,
    definitions,
    done,
    request,
    tool,
)
from tests.spec import START
from tests.tenant.given import World, capped, policy

PAGE = Path(__file__).parents[2] / "docs" / "tenants.md"
ASKS = tool("write", risk_level=2, approval="always")


def documented() -> list[str]:
    """Return the names that stand in the page's list of statuses."""
    _, _, after = PAGE.read_text().partition("## Statuses of a run\n")
    block = after.split("```")[1].removeprefix("text\n")
    return [name for name in block.replace("→", " ").replace("|", " ").split() if name != "…"]


def reached(*bodies: Record) -> list[str]:
    """Return the status behind each fact of a run whose tenant has a policy."""
    known = definitions(LOOK, ASKS, agent(tools=("look", "write")))
    known = known.plus("tenant_policy", policy().body(), 100)
    state: RunState | None = None
    found: list[str] = []
    granted = AdmissionAnswered(run_id=RUN, verdict=Verdict.GRANTED)
    for body in (request(), granted, *bodies):
        for _, after in steps(state, Command(body), Env(START, known)):
            state = after
            found.append(after.status.value)
    return found


def test_the_page_has_the_eleven_names_and_the_product_no_other_but_paused() -> None:
    names = documented()
    assert len(names) == len(set(names)) == 11
    assert set(names) | {"paused", "unknown"} == {status.value for status in RunStatus}


def test_runs_reach_each_of_them() -> None:
    approves = control(commands.ApproveToolCall, "a", call_id=f"{RUN}.4")
    whole = reached(
        answer(call("look")),
        came_back(2),
        answer(call("write"), n=3),
        approves,
        came_back(4),
        done(n=5),
    )
    cancelled = reached(control(commands.CancelRun, "c", reason="enough"))
    failed = reached(answer(call("fail_task", {"reason": "no"})))
    assert set(whole) | set(cancelled) | set(failed) == set(documented())
    assert whole[:2] == ["created", "created"]
    assert whole[-1] == "completed"
    order = list(dict.fromkeys(whole))
    assert order.index("created") < order.index("queued") < order.index("planning")
    assert (cancelled[-1], failed[-1]) == ("cancelled", "failed")


def test_a_run_beyond_the_cap_is_queued_until_its_tenant_admits_it() -> None:
    world = World.opened(capped(1))
    world.ask(1)
    world.ask(2)
    assert world.events(2)[-1].meta.status is RunStatus.QUEUED
    world.finish(1)
    statuses = [event.meta.status.value for event in world.events(2)]
    assert statuses[-1] == "waiting_for_model"
    assert [name for name in dict.fromkeys(statuses) if name in documented()][:3] == [
        "created",
        "queued",
        "planning",
    ]
