"""Which request a run or a control was asked for with: on record, shown, and found by [130]."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from runfold.events import run as j
from runfold.events.people.origin import Origin
from runfold.events.records import commands
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.run.decide import decide
from runfold.processors.run.evolve import evolve
from runfold.processors.run.replay import decisions
from runfold.processors.run.state import RunState
from runfold.projections.view import Batch, Placed
from runfold.projections.views import requests
from tests.deciders.admission.test_recorded import differences
from tests.deciders.given import RUN, request, story
from tests.http.serving import Served
from tests.spec import START
from tests.support.builders.stories import history

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
MARKS = {"x-request-id": "quoted-7", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


def test_a_run_says_who_asked_for_it_and_with_which_request(served: Served) -> None:
    key = served.key(user="eve", roles=("chief",), scopes=("*", "read:x"))
    client = served.client(key=key)
    body = {"goal": "x", "agent": "worker", "data_classification": "confidential"}
    run_id = client.post("/runs", json=body, headers=MARKS).json()["run_id"]
    assert client.get(f"/runs/{run_id}").json()["identity"] == {
        "user_id": "eve", "tenant_id": "acme", "role": "chief", "roles": ["chief"],
        "scopes": ["read:x"], "data_classification": "confidential", "request_id": "quoted-7",
        "trace_id": TRACE, "credential": key[3:15],
    }  # fmt: skip
    first = client.get(f"/runs/{run_id}/events").json()["events"][0]
    assert first["fact"]["request"]["origin"]["request_id"] == "quoted-7"


def test_a_run_that_was_only_asked_for_says_so_too(served: Served) -> None:
    served.log.deaf = True
    client = served.client()
    body = {"goal": "x", "agent": "worker"}
    run_id = client.post("/runs", json=body, headers=MARKS).json()["run_id"]
    found = client.get(f"/runs/{run_id}").json()
    assert (found["seq"], found["identity"]["request_id"]) == (0, "quoted-7")


def test_a_control_says_which_request_it_was(served: Served, client: httpx.Client) -> None:
    outcome = client.post(f"/runs/{RUN}/pause", json={"reason": "wait"}, headers=MARKS).json()
    origin = outcome["fact"]["origin"]
    assert (outcome["type"], origin["request_id"], origin["trace_id"]) == (
        "RunPaused", "quoted-7", TRACE,
    )  # fmt: skip
    # The control's own id is another: a request id that comes twice steers twice.
    assert outcome["fact"]["request_id"] != "quoted-7"
    again = client.post(f"/runs/{RUN}/resume", json={}, headers=MARKS).json()
    assert again["fact"]["origin"]["request_id"] == "quoted-7"


ORIGIN = Origin(request_id="quoted-7", trace_id=TRACE, credential="abc")


def steering(**more: Any) -> commands.PauseRun:
    return commands.PauseRun(
        request_id="c1", run_id=RUN, tenant_id="acme", actor_id="ada",
        requested_at=request().requested_at, origin=ORIGIN, **more,
    )  # fmt: skip


def test_a_decision_with_an_origin_is_made_again_and_equal() -> None:
    asked = request().model_copy(update={"origin": ORIGIN})
    events, definitions = history([asked, steering()])
    assert differences(events, definitions) == []
    paused = next(each.fact for each in events if isinstance(each.fact, j.RunPaused))
    assert paused.origin == ORIGIN
    goal = next(each.fact for each in events if isinstance(each.fact, j.UserMessageReceived))
    assert goal.origin is None
    batch = Batch(events=[Placed(e.meta, e.fact, 0, n, "") for n, e in enumerate(events)])
    rows = requests.VIEW.fold(batch).appended[requests.run_requests]
    assert [(row[3], row[5], row[7]) for row in rows] == [
        ("quoted-7", "abc", "RunCreated"), ("quoted-7", "abc", "RunPaused"),
    ]  # fmt: skip


def test_an_origin_that_was_changed_is_found() -> None:
    events, definitions = history([request(), steering()])
    (at,) = [n for n, each in enumerate(events) if isinstance(each.fact, j.RunPaused)]
    decision = next(d for d in decisions.decisions(events) if d[0] is events[at])
    state = decisions.fold(None, tuple(events[:at]))
    assert decisions.redecide(state, decision, definitions) is None
    # One that was put where the run's behaviour has none is not what was decided.
    fact = events[0].fact.model_copy(update={"behaviour": 8})
    state = decisions.fold(None, (replace(events[0], fact=fact), *events[1:at]))
    assert "origin" in str(decisions.redecide(state, decision, definitions))


@pytest.mark.parametrize("behaviour", [8, 9])
def test_runs_of_an_earlier_behaviour_decide_as_before(behaviour: int) -> None:
    env = Env(START, story().definitions)
    state: RunState | None = None
    for fact in decide(None, Command(request()), env, begins_with=behaviour):
        state = evolve(state, fact, START)
    facts = decide(state, Command(steering()), env)
    (paused,) = [fact for fact in facts if isinstance(fact, j.RunPaused)]
    assert paused.origin == (ORIGIN if behaviour >= 9 else None)
