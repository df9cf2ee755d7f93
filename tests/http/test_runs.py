"""Runs over HTTP: asked for, found at once, seen, waited for, steered."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from runfold.events import topics
from runfold.events.records.commands import RunRequested
from runfold.producers.client import RunClient
from runfold.producers.identity import uuid7
from runfold.surfaces.application import shapes
from runfold.surfaces.application.runs.async_runs import AsyncRuns
from tests.deciders.given import RUN, TENANT
from tests.http.serving import Served, serving
from tests.surfaces.answering import answering


def requests_on(served: Served) -> list[RunRequested]:
    """The requests that are on the log."""
    found = [each.record for each in served.log.read(topics.REQUESTS)]
    return [each for each in found if isinstance(each, RunRequested)]


def test_a_run_is_acknowledged_once_its_request_is_durable(
    served: Served, client: httpx.Client
) -> None:
    answer = client.post("/runs", json={"goal": "find out", "agent": "worker"})

    assert answer.status_code == 202
    run_id = answer.json()["run_id"]
    assert answer.headers["location"] == f"/runs/{run_id}"
    (made,) = requests_on(served)
    assert (made.run_id, made.tenant_id, made.user_id) == (run_id, TENANT, "ada")
    assert (made.agent, made.source) == ("worker", "http")


def test_the_fields_of_a_request_arrive_as_they_were_sent(served: Served) -> None:
    client = served.client(roles=("clerk", "chief"), scopes=("*", "read:repository", "write:x"))
    body = {
        "goal": {"customer": 7, "amount": 1.5},
        "agent": "worker@1.0.0",
        "limits": {"max_cost": 0.1, "max_model_calls": 5},
        "labels": {"team": "renewals"},
        "roles": ["clerk"],
        "scopes": ["read:repository"],
        "data_classification": "confidential",
        "feature": "renewals",
        "thread_id": "t-1",
        "priority": 3,
    }

    assert client.post("/runs", json=body).status_code == 202

    (made,) = requests_on(served)
    assert made.limits is not None
    assert made.limits.max_cost == Decimal("0.1")
    assert made.goal.inline == b'{"amount":1.5,"customer":7}'
    assert (made.agent, made.agent_version) == ("worker", "1.0.0")
    assert (made.roles, made.scopes) == (("clerk",), ("read:repository",))
    assert [(label.key, label.value) for label in made.labels] == [("team", "renewals")]
    assert made.data_classification == "confidential"
    assert (made.feature, made.thread_id, made.priority) == ("renewals", "t-1", 3)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"tenant_id": "umbrella"}, "other_tenant"),
        ({"user_id": "eve"}, "other_tenant"),
        ({"roles": ["chief"]}, "forbidden"),
        ({"scopes": ["write:x"]}, "forbidden"),
        ({"goal": None}, "invalid"),
        ({"agent": ""}, "invalid"),
        ({"parent_run_id": uuid7()}, "invalid"),
        ({"run_id": "7"}, "invalid"),
        ({"run_id": uuid7(datetime(2026, 1, 1, tzinfo=UTC))}, "invalid"),
        ({"goal": "half \ud800"}, "invalid"),
        ({"limits": {"max_costs": 1}}, "invalid"),
    ],
)
def test_a_request_that_cannot_be_is_refused_and_nothing_is_written(
    served: Served, client: httpx.Client, said: dict[str, Any], code: str
) -> None:
    body = json.dumps({"goal": "find out", "agent": "worker", **said})
    answer = client.post("/runs", content=body, headers={"content-type": "application/json"})

    assert (answer.json()["code"], answer.json()["retryable"]) == (code, False)
    assert answer.headers["content-type"] == "application/problem+json"
    assert requests_on(served) == []


def test_a_run_that_was_acknowledged_is_found_before_its_first_event() -> None:
    log = answering()
    log.deaf = True
    with serving(log) as served:
        client = served.client()
        run_id = client.post("/runs", json={"goal": "find out", "agent": "worker"}).json()["run_id"]
        found = client.get(f"/runs/{run_id}").json()
        events = client.get(f"/runs/{run_id}/events").json()
        of_others = served.client(tenant="umbrella").get(f"/runs/{run_id}")

    assert (found["status"], found["seq"], found["goal"]) == ("created", 0, "find out")
    assert (events["events"], events["has_more"], events["ended"]) == ([], False, False)
    assert of_others.status_code == 404


def test_a_run_is_shown_with_its_card(client: httpx.Client) -> None:
    answer = client.get(f"/runs/run_{RUN}")

    found = answer.json()
    assert set(found) == set(shapes.RunView.model_fields)
    assert found["card"] == {
        "current_run": found["goal"],
        "status": "waiting_for_human",
        "last_action": found["last_action"],
        "next_proposed_action": 'write(path="a")',
        "requires_approval": True,
        "estimated_cost_so_far": 0.01,
    }


def test_what_has_not_changed_is_not_sent_again(client: httpx.Client) -> None:
    first = client.get(f"/runs/{RUN}")
    again = client.get(f"/runs/{RUN}", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")

    client.post(f"/runs/{RUN}/pause", json={})
    changed = client.get(f"/runs/{RUN}", headers={"if-none-match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


def test_a_short_run_is_waited_for(served: Served, client: httpx.Client) -> None:
    run_id = uuid7()
    other = RunClient(served.log, served.log, TENANT, "ada")

    def end() -> None:
        for event in other.events(run_id, follow=True, timeout=20):
            if event.type == "ModelCalled":
                other.cancel(run_id, "enough")

    ending = threading.Thread(target=end)
    ending.start()
    body = {"goal": "find out", "agent": "worker", "run_id": run_id}
    answer = client.post("/runs", json=body, headers={"prefer": "respond-async, wait=20"})
    ending.join()
    other.close()

    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=20"
    found = answer.json()
    assert (found["status"], found["exit"]["status"], found["exit"]["exit_code"]) == (
        "cancelled",
        "cancelled",
        5,
    )
    assert set(found["exit"]["usage"]) >= {"total_tokens", "cost_usd", "latency_ms"}


def test_an_end_whose_reading_cannot_be_put_on_record_is_not_shown() -> None:
    def nowhere() -> str:
        raise RuntimeError("There is none.")

    with serving(reads="require", reads_to=nowhere) as other:
        body = {"goal": "x", "agent": "worker"}
        answer = other.client().post("/runs", json=body, headers={"prefer": "wait=20"})
    assert (answer.status_code, answer.json()["status"]) == (202, "created")
    assert "preference-applied" not in answer.headers


def test_a_run_that_takes_longer_is_only_acknowledged(client: httpx.Client) -> None:
    body = {"goal": "find out", "agent": "worker"}
    answer = client.post("/runs", json=body, headers={"prefer": "wait=0"})
    assert (answer.status_code, answer.json()["exit"]) == (202, None)


CONTROLS: dict[str, tuple[dict[str, Any], str]] = {
    "approve": ({"call_id": f"{RUN}.2"}, "ToolCallApproved"),
    "deny": ({"call_id": "2", "reason": "no"}, "ToolCallDenied"),
    "pause": ({}, "RunPaused"),
    "resume": ({"reason": "go on"}, "RequestIgnored"),
    "cancel": ({"reason": "enough"}, "RunCancelled"),
    "messages": ({"content": "there"}, "UserMessageReceived"),
    "instructions": ({"instructions": {"tone": "brief"}}, "UserMessageReceived"),
    "take-over": ({"reason": "lost", "hold_ms": 60000}, "RunTakenOver"),
    "hand-back": ({}, "RequestIgnored"),
    "extend": ({"added": {"usd": 0.5}}, "RequestIgnored"),
    "deny-extension": ({}, "RequestIgnored"),
    "resolve": ({"call_id": "2", "resolution": "did_not_happen"}, "RequestIgnored"),
    "reply": ({"text": "I do it"}, "RequestIgnored"),
    "results": ({"call_id": "2", "result": 7}, "RequestIgnored"),
    "answer": ({"question_id": "2", "answer": "yes"}, "RequestIgnored"),
}


@pytest.mark.parametrize("word", CONTROLS)
def test_a_control_answers_what_became_of_it(client: httpx.Client, word: str) -> None:
    body, event = CONTROLS[word]
    answer = client.post(f"/runs/{RUN}/{word}", json=body)

    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["type"], found["applied"]) == (event, event != "RequestIgnored")
    assert found["actor"]["id"] == "ada"


@pytest.mark.parametrize("word", CONTROLS)
def test_a_control_of_anothers_run_is_as_of_none(served: Served, word: str) -> None:
    stranger, body = served.client(tenant="umbrella"), CONTROLS[word][0]
    before = len(list(served.log.read(topics.CONTROLS)))
    nobody = RUN[:-4] + "0000"
    plain = {**body, "call_id": "2"} if "call_id" in body else body
    said = [stranger.post(f"/runs/{run}/{word}", json=plain).json() for run in (RUN, nobody)]

    assert [each["code"] for each in said] == ["not_found", "not_found"]
    assert said[0]["detail"].replace(RUN, "X") == said[1]["detail"].replace(nobody, "X")
    assert len(list(served.log.read(topics.CONTROLS))) == before


def test_a_control_that_is_published_and_not_decided_says_so(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.log.deaf = True
    client = served.client()
    monkeypatch.setattr(AsyncRuns.__init__, "__defaults__", (None, 0.2))
    answer = client.post(f"/runs/{RUN}/pause", json={})

    assert answer.status_code == 202
    (sent,) = [each.record for each in served.log.read(topics.CONTROLS)]
    assert answer.json()["request_id"] == sent.request_id  # type: ignore[union-attr]


def test_an_edited_call_and_a_pattern_are_approved(client: httpx.Client) -> None:
    body = {"call_id": "2", "arguments": {"path": "b"}, "comment": "better there"}
    assert client.post(f"/runs/{RUN}/approve", json=body).json()["type"] == "ToolCallApproved"
    wrong = {"call_id": "2", "holds_for": "pattern", "where": ["nonsense"]}
    assert client.post(f"/runs/{RUN}/approve", json=wrong).json()["code"] == "invalid"


def test_a_call_of_another_run_is_refused(client: httpx.Client) -> None:
    body = {"call_id": f"{uuid7()}.2", "reason": "no"}
    assert client.post(f"/runs/{RUN}/deny", json=body).json()["code"] == "invalid"


def test_nothing_is_changed_in_a_run_that_has_ended(client: httpx.Client) -> None:
    assert client.post(f"/runs/{RUN}/cancel").status_code == 200
    again = client.post(f"/runs/{RUN}/pause")
    assert (again.status_code, again.json()["code"], again.json()["run_id"]) == (
        409,
        "run_ended",
        RUN,
    )
