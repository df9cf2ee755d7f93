"""Submitting, following and steering runs, in both forms; what a tenant sees of others' runs."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from runfold.events import topics
from runfold.events.calls import Outcome
from runfold.events.contents.content import json_content
from runfold.events.records.commands import Resolution
from runfold.producers.client import AsyncRunClient, RunClient
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import (
    ApplicationError,
    NotFoundError,
    NotYetError,
    RunEndedError,
)
from runfold.surfaces.application.rendering import text_of
from runfold.surfaces.application.runs import async_follow, follow
from runfold.surfaces.application.runs.async_runs import AsyncRuns
from runfold.surfaces.application.runs.runs import Runs
from runfold.surfaces.application.scope import OperatorScope, Scope, TenantScope
from tests.deciders.given import RUN, TENANT, answer, call, came_back, request
from tests.producers.clients import Driven, driven
from tests.support.builders.stories import ASKS, LOOKS, SENDS, STORIES, WRITES
from tests.surfaces.answering import AnsweringLog, answering

CALL = f"{RUN}.2"
NOBODY = RUN[:-4] + "0000"
Make = Callable[..., Runs]


@pytest.fixture(params=["blocking", "asyncio"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Make runs on a log, for a tenant or another scope, in both forms."""
    open_: list[Any] = []

    def blocking(log: AnsweringLog, tenant: str = TENANT, scope: Scope | None = None) -> Runs:
        client = RunClient(log, log, tenant, "ada")
        open_.append(client.close)
        return Runs(client, scope, within=1.0)

    def asyncio_(log: AnsweringLog, tenant: str = TENANT, scope: Scope | None = None) -> Runs:
        client = AsyncRunClient(log, log, tenant, "ada")
        block = driven(client)
        found = cast("Driven", block.__enter__())
        open_.append(lambda: block.__exit__(None, None, None))
        runs: Any = AsyncRuns(client, scope, within=1.0)
        return cast("Runs", Driven(runs, found._loop))

    yield blocking if request.param == "blocking" else asyncio_
    for close in open_:
        close()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that does not begin is waited for no longer than this."""
    for events in (follow.events, async_follow.events):
        monkeypatch.setitem(events.__kwdefaults__, "begins_within", 1.0)


def test_a_run_is_submitted_and_followed_to_its_end(make: Make) -> None:
    log = answering()
    runs = make(log)
    run_id = runs.submit("find out", "worker")
    seen: list[shapes.Event] = []
    stop = threading.Thread(target=lambda: RunClient(log, log, TENANT).cancel(run_id, "enough"))
    for event in runs.events(run_id, follow=True):
        seen.append(event)
        if event.type == "ModelCalled":
            stop.start()
    assert [event.seq for event in seen] == list(range(1, len(seen) + 1))
    assert (seen[0].type, seen[-1].type) == ("RunCreated", "RunCancelled")
    assert runs.wait(run_id, timeout=20).status == "cancelled"
    assert [e.seq for e in runs.events(run_id, after_seq=seen[-2].seq)] == [seen[-1].seq]
    assert runs.status(run_id).exit == runs.wait(run_id, timeout=20)


def test_status_says_what_is_next_and_what_it_waits_for(make: Make) -> None:
    found = make(answering(request(), WRITES)).status(RUN)
    assert found.status == "waiting_for_human"
    assert found.requires_approval
    assert found.goal == text_of(request().goal)
    assert found.next_action == 'write(path="a")'
    (waits,) = found.waits_for
    assert (waits.kind, waits.call_id, waits.arguments) == ("approval", CALL, {"path": "a"})
    assert (str(found.cost_usd), found.last_event) == ("0.010000000000", "CheckpointWritten")


CONTROLS: dict[str, tuple[Any, Callable[[Runs, str], shapes.ControlOutcome], str]] = {
    "approve": (WRITES, lambda r, i: r.approve(i, f"{i}.2", comment="ok"), "ToolCallApproved"),
    "approve with edits": (
        WRITES, lambda r, i: r.approve(i, f"{i}.2", json_content({"path": "b"})),
        "ToolCallApproved",
    ),
    "deny": (WRITES, lambda r, i: r.deny(i, f"{i}.2", "no"), "ToolCallDenied"),
    "answer": (ASKS, lambda r, i: r.answer(i, f"{i}.2", "yes"), "HumanInputReceived"),
    "take over": (LOOKS, lambda r, i: r.take_over(i, "lost"), "RunTakenOver"),
    "hand back": (LOOKS, lambda r, i: r.hand_back(i), "RequestIgnored"),
    "pause": (LOOKS, lambda r, i: r.pause(i), "RunPaused"),
    "cancel": (LOOKS, lambda r, i: r.cancel(i, "enough"), "RunCancelled"),
    "tell": (LOOKS, lambda r, i: r.tell(i, "there"), "UserMessageReceived"),
    "instruct": (LOOKS, lambda r, i: r.instruct(i, "brief"), "UserMessageReceived"),
    "resume": (LOOKS, lambda r, i: r.resume(i), "RequestIgnored"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_says_what_became_of_it(make: Make, name: str) -> None:
    step, control, effect = CONTROLS[name]
    outcome = control(make(answering(request(), step)), RUN)
    assert (outcome.type, outcome.applied) == (effect, effect != "RequestIgnored")
    assert outcome.text
    assert outcome.actor.id == "ada"


def test_a_doubt_is_resolved(make: Make) -> None:
    unsure = came_back(2, outcome=Outcome.UNCERTAIN, result=None)
    runs = make(answering(request(), SENDS, unsure))
    assert runs.status(RUN).waits_for[0].kind == "uncertain"
    assert runs.resolve(RUN, CALL, Resolution.DID_NOT_HAPPEN).type == "ToolCallApproved"


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_of_anothers_run_is_as_of_none(make: Make, name: str) -> None:
    step, control, _ = CONTROLS[name]
    log = answering(request(), step)
    stranger = make(log, "umbrella")
    said = []
    for run_id in (RUN, NOBODY):
        with pytest.raises(NotFoundError) as caught:
            control(stranger, run_id)
        said.append(str(caught.value).replace(run_id, "RUN"))
    assert said[0] == said[1]
    assert list(log.read(topics.CONTROLS)) == []


LOOKING: dict[str, Callable[[Runs, str], object]] = {
    "status": lambda r, i: r.status(i),
    "events": lambda r, i: list(r.events(i)),
    "events from the middle": lambda r, i: list(r.events(i, after_seq=2)),
    "follow": lambda r, i: list(r.events(i, follow=True, timeout=PATIENCE_S)),
    "follow after the end": lambda r, i: list(
        r.events(i, after_seq=99, follow=True, timeout=PATIENCE_S)
    ),
    "wait": lambda r, i: r.wait(i, timeout=PATIENCE_S),
}
# Every look at a run that is not there waits to the end of it, twice.
PATIENCE_S = 0.4


@pytest.mark.parametrize("name", LOOKING)
@pytest.mark.parametrize("story", ["completes", "is approved"])
def test_anothers_run_is_looked_at_as_one_that_is_not_there(
    make: Make, name: str, story: str
) -> None:
    stranger = make(answering(*STORIES[story]), "umbrella")
    said = []
    for run_id in (RUN, NOBODY):
        began = time.monotonic()
        with pytest.raises(ApplicationError) as caught:
            LOOKING[name](stranger, run_id)
        waited = time.monotonic() - began >= 0.9 * PATIENCE_S
        said.append((caught.value.code, str(caught.value).replace(run_id, "RUN"), waited))
    # The same words, and both waited for or neither.
    assert said[0] == said[1]


def test_an_operator_steers_in_the_name_of_the_runs_tenant(make: Make) -> None:
    log = answering(request(), LOOKS)
    operator = make(log, "default", OperatorScope("a test"))
    assert operator.pause(RUN).tenant_id == TENANT
    assert operator.status(RUN).status == "paused"


def test_a_run_that_has_ended_is_not_steered(make: Make) -> None:
    log = answering(*STORIES["completes"])
    with pytest.raises(RunEndedError, match="has ended already, as completed"):
        make(log).pause(RUN)
    assert list(log.read(topics.CONTROLS)) == []


def test_a_control_that_nobody_takes_is_said_in_time(make: Make) -> None:
    log = answering(request(), answer(call("look")))
    log.deaf = True
    with pytest.raises(NotYetError, match="nothing of it is on the journal after 1 s"):
        make(log).pause(RUN)


def test_both_forms_have_the_same_methods() -> None:
    def public(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in vars(kind).items()
            if not name.startswith("_") and callable(member)
        }

    assert public(AsyncRuns) == public(Runs)


def test_a_scope_names_a_tenant_or_a_reason() -> None:
    with pytest.raises(ValueError, match="needs a tenant"):
        TenantScope("")
    with pytest.raises(ValueError, match="needs a reason"):
        OperatorScope("")
