"""The gateway on the real stack: a run from its request to its last event, and kills under load."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from runfold.events import topics
from runfold.producers.log.kafka import TopicReader
from runfold.projections import schema
from runfold.projections.queries import TenantViews
from runfold.surfaces.application.runs.reading.live import joined, recorded_so_far
from tests.http.issuing import AUDIENCE, ec, issuing
from tests.http.product import AGENT, Product, asked, gateway, waiting
from tests.http.test_events import heard
from tests.projections.running import wait_caught_up
from tests.support.builders.stories import CODEC
from tests.support.stack import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def test_a_run_is_asked_for_followed_answered_and_ends(
    product: Product, acme: httpx.Client
) -> None:
    run_id = asked(acme)
    heard_of: list[dict[str, str]] = []

    def listen() -> None:
        stream = {"accept": "text/event-stream"}
        with acme.stream("GET", f"/runs/{run_id}/events", headers=stream) as answer:
            heard_of.extend(each for each in heard(answer) if "data" in each)

    listener = threading.Thread(target=listen)
    listener.start()
    question = waiting(acme, run_id)
    answered = acme.post(f"/runs/{run_id}/answer", json={"question_id": question, "answer": "blue"})
    assert (answered.status_code, answered.json()["type"]) == (200, "HumanInputReceived")
    listener.join(60)

    assert [int(each["id"]) for each in heard_of] == list(range(1, len(heard_of) + 1))
    assert heard_of[-1]["event"] == "RunCompleted"
    page = acme.get(f"/runs/{run_id}/events", params={"limit": 1000}).json()
    assert page["events"] == [json.loads(each["data"]) for each in heard_of]
    assert page["ended"]
    found = acme.get(f"/runs/{run_id}").json()
    assert (found["status"], found["exit"]["payload"]) == ("completed", {"summary": "done"})
    assert acme.get(f"/runs/{run_id}/audit").json()["sound"] is True

    wait_caught_up(product.settings)
    # From here on it is read from the views, and says the same.
    assert acme.get(f"/runs/{run_id}").json() == found
    assert acme.get(f"/runs/{run_id}/events", params={"limit": 1000}).json() == page
    parts = [
        event
        for after in range(0, page["next_after"], 4)
        for event in acme.get(f"/runs/{run_id}/events", params={"after": after, "limit": 4}).json()[
            "events"
        ]
    ]
    assert parts == page["events"]
    listed = acme.get("/runs", params={"status": "completed", "agent": "clerk"}).json()["runs"]
    assert run_id in [each["run_id"] for each in listed]
    calls = acme.get(f"/runs/{run_id}/calls").json()
    assert [each["status"] for each in calls["model_calls"]] == ["responded", "responded"]
    sums = acme.get("/costs", params={"by": "agent,model"}).json()["costs"]
    assert {each["agent"] for each in sums} == {"clerk"}


def test_a_file_is_uploaded_read_back_and_named_by_its_run(
    product: Product, acme: httpx.Client
) -> None:
    kept = acme.post("/artifacts", content=b"blue, red", headers={"content-type": "text/csv"})
    assert kept.status_code == 201, kept.text
    artifact = kept.json()["artifact_id"]
    attached = [{"artifact": artifact, "name": "colours.csv", "media_type": "text/csv"}]
    body = {"goal": "choose", "agent": "clerk", "thread_id": "t-1", "attachments": attached}
    run_id = acme.post("/runs", json=body).json()["run_id"]
    question = waiting(acme, run_id)
    acme.post(f"/runs/{run_id}/answer", json={"question_id": question, "answer": "blue"})
    wait_until(lambda: acme.get(f"/runs/{run_id}").json()["status"] == "completed", 60)
    part = acme.get(f"/artifacts/{artifact}", headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"blue")
    (named,) = acme.get(f"/runs/{run_id}/artifacts").json()["artifacts"]
    assert (named["artifact_id"], named["name"]) == (artifact, "colours.csv")

    said = acme.get(f"/runs/{run_id}/messages").json()
    kinds = [(each["role"], each["kind"]) for each in said["messages"]]
    assert kinds[:4] == [
        ("user", "goal"),
        ("assistant", "answer"),
        ("assistant", "question"),
        ("user", "human_answer"),
    ]
    assert said["messages"][3]["content"] == "blue"
    wait_caught_up(product.settings)
    # By the views, and page by page, it is the same.
    assert acme.get(f"/runs/{run_id}/messages").json() == said
    pages, after = [], 0
    while True:
        page = acme.get(f"/runs/{run_id}/messages", params={"after": after, "limit": 2}).json()
        pages += page["messages"]
        if not page["has_more"]:
            break
        after = page["next_after"]
    assert pages == said["messages"]
    (of_thread,) = acme.get("/threads/t-1/messages").json()["runs"]
    assert (of_thread["run_id"], of_thread["messages"]) == (run_id, said["messages"])

    safe = acme.get(f"/runs/{run_id}/checkpoints").json()["checkpoints"]
    assert [each["step"] for each in safe] == sorted(each["step"] for each in safe)
    assert safe
    assert {each["run_id"] for each in safe} == {run_id}
    rest = acme.get(f"/runs/{run_id}/checkpoints", params={"after": safe[0]["seq"]}).json()
    assert rest["checkpoints"] == safe[1:]
    with product.client(product.key("umbrella")) as other:
        for path in (
            f"/artifacts/{artifact}", f"/runs/{run_id}/artifacts", f"/runs/{run_id}/messages",
            f"/runs/{run_id}/checkpoints", "/threads/t-1/messages", "/releases/agent/clerk",
        ):  # fmt: skip
            answer = other.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        assert "clerk" not in other.get("/releases").text


def test_a_version_is_promoted_and_its_name_says_so(acme: httpx.Client) -> None:
    for number in ("2.0.0", "2.1.0"):
        newer = {**AGENT, "metadata": {"name": "scribe", "version": number}}
        assert acme.post("/definitions", json={"manifests": [newer]}).status_code == 201
    before = acme.get("/releases/agent/scribe").json()
    assert (before["version"], before["chosen"], before["decisions"]) == ("2.1.0", False, [])
    body = {"kind": "agent", "name": "scribe", "version": "2.0.0", "reason": "2.1 talks too much"}
    after = acme.post("/releases", json=body)
    assert after.status_code == 200, after.text
    assert (after.json()["version"], after.json()["chosen"]) == ("2.0.0", True)
    (decided,) = after.json()["decisions"]
    assert (decided["action"], decided["target"], decided["reason"], decided["decided_by"]) == (
        "released", "2.0.0", "2.1 talks too much", "ada",
    )  # fmt: skip
    listed = acme.get("/releases", params={"kind": "agent"}).json()["releases"]
    assert ("scribe", "2.0.0") in [(each["name"], each["version"]) for each in listed]
    again = acme.post("/releases", json={"kind": "agent", "name": "scribe"}).json()
    assert (again["version"], again["chosen"]) == ("2.1.0", False)
    missing = acme.post("/releases", json={**body, "version": "9.9.9"})
    assert (missing.status_code, missing.json()["code"]) in {(422, "invalid"), (404, "not_found")}


TALK = {
    "apiVersion": "runfold/v1",
    "kind": "ModelScript",
    "metadata": {"name": "talker", "version": "1.0.0"},
    "spec": {
        "turns": [
            {
                "text": "The disk of the second broker is full again.",
                "calls": [{"name": "complete_task", "arguments": {"summary": "said"}}],
                "delay_ms": 2000,
            }
        ]
    },
}
TALKER = {
    "apiVersion": "ossa/v0.4",
    "kind": "Agent",
    "metadata": {"name": "talker", "version": "1.0.0"},
    "spec": {"role": "You talk.", "llm": {"provider": "scripted", "model": "talker"}},
    "extensions": {"runfold": {"model": {"parameters": {"stream": True}}}},
}


def test_what_a_model_says_meanwhile_is_heard_before_its_answer(acme: httpx.Client) -> None:
    answer = acme.post("/definitions", json={"manifests": [TALK, TALKER]})
    assert answer.status_code == 201, answer.text
    asked_for = acme.post("/runs", json={"goal": "talk", "agent": "talker"})
    path = f"/runs/{asked_for.json()['run_id']}/events"
    stream = {"accept": "text/event-stream"}
    with acme.stream("GET", f"{path}?deltas=true", headers=stream) as answer:
        said = [each for each in heard(answer) if "event" in each]
    names = [each["event"] for each in said]
    pieces = [json.loads(each["data"]) for each in said if each["event"] == "delta"]
    assert len(pieces) > 1
    spoken = TALK["spec"]["turns"][0]["text"]  # type: ignore[index]
    # The first may have been said before anybody listened, the last may come too late.
    assert "".join(each["text"] for each in pieces) in spoken
    assert names.index("delta") < names.index("ModelResponded")
    assert "delta" not in names[names.index("ModelResponded") :]
    assert [each["event"] for each in said if "id" in each] == [
        each["type"] for each in acme.get(path).json()["events"]
    ]


def test_a_run_that_lives_is_read_from_the_views_and_the_journal_behind_them(
    product: Product, acme: httpx.Client
) -> None:
    run_id = asked(acme)
    question = waiting(acme, run_id)
    wait_caught_up(product.settings)
    reader = TopicReader(product.settings.kafka_config(), CODEC)
    engine = schema.engine(product.settings.database_url)
    try:
        with engine.connect() as connection:
            views = TenantViews(connection, "acme")
            known = recorded_so_far(views, run_id)
            assert known is not None
            assert recorded_so_far(TenantViews(connection, "umbrella"), run_id) is None
        assert joined(reader, run_id, known) == known.events
        # What comes after the look at the views is in the journal behind them.
        acme.post(f"/runs/{run_id}/answer", json={"question_id": question, "answer": "red"})
        wait_until(lambda: acme.get(f"/runs/{run_id}").json()["status"] == "completed", 60)
        live = joined(reader, run_id, known)
        assert live is not None
        assert len(live) > len(known.events)
        page = acme.get(f"/runs/{run_id}/events", params={"limit": 1000}).json()["events"]
        assert [(each.meta.seq, each.type) for each in live] == [
            (each["seq"], each["type"]) for each in page
        ]
        # Views that lack an event do not join, and nothing is made up.
        assert joined(reader, run_id, known._replace(events=known.events[:-2])) is None
    finally:
        engine.dispose()


def test_what_is_the_others_is_not_there(product: Product, acme: httpx.Client) -> None:
    run_id = asked(acme)
    waiting(acme, run_id)
    wait_caught_up(product.settings)
    with product.client(product.key("umbrella")) as other:
        assert other.get(f"/runs/{run_id}").status_code == 404
        assert other.post(f"/runs/{run_id}/cancel").status_code == 404
        assert other.get("/runs").json()["runs"] == []
        assert other.get("/approvals").json()["approvals"] == []
        assert other.get("/costs").json()["costs"] == []
        assert other.get(f"/runs/{run_id}/calls").status_code == 404
        assert other.get("/definitions/agent/clerk").status_code == 404
    inbox = acme.get("/approvals", params={"run_id": run_id}).json()["approvals"]
    assert [each["run_id"] for each in inbox] == [run_id]
    assert acme.post(f"/runs/{run_id}/cancel", json={}).json()["type"] == "RunCancelled"


def test_lists_go_on_where_a_page_ended(product: Product, acme: httpx.Client) -> None:
    made = [asked(acme) for _ in range(7)]
    for run_id in made:
        waiting(acme, run_id)
        acme.post(f"/runs/{run_id}/cancel")
    wait_caught_up(product.settings)
    seen: list[str] = []
    params: dict[str, Any] = {"limit": 3, "status": "cancelled"}
    while True:
        page = acme.get("/runs", params=params).json()
        seen += [each["run_id"] for each in page["runs"]]
        if page["next"] is None:
            break
        params["cursor"] = page["next"]
    assert len(seen) == len(set(seen))
    assert set(made) <= set(seen)
    params["status"] = "completed"
    assert acme.get("/runs", params=params).json()["code"] == "cursor_malformed"
    assert acme.get("/runs", params={"agent": "a\0b"}).json()["code"] in {"invalid", "malformed"}


def test_a_version_is_retired_over_http(acme: httpx.Client) -> None:
    newer = {**AGENT, "metadata": {"name": "clerk", "version": "1.1.0"}}
    assert acme.post("/definitions", json={"manifests": [newer]}).status_code == 201
    answer = acme.post("/definitions/agent/clerk@1.1.0/retire", json={"reason": "too new"})
    assert (answer.status_code, answer.json()["state"]) == (200, "retired")
    assert acme.get("/definitions/agent/clerk").json()["version"] == "1.0.0"
    wrong = acme.post("/definitions", json={"manifests": [{"kind": "Agent", "spec": 7}]})
    assert wrong.json()["code"] == "invalid"
    assert "/tmp" not in wrong.text
    guarded = {**AGENT, "metadata": {"name": "guarded", "version": "1.0.0"}}
    guarded["spec"] = {**AGENT["spec"], "guardrails": ["no-harm"]}  # type: ignore[dict-item]
    without = acme.post("/definitions", json={"manifests": [guarded]})
    assert (without.status_code, "spec.guardrails" in without.text) == (422, True)
    body = {"manifests": [guarded], "accept_remarks": True}
    assert acme.post("/definitions", json=body).status_code == 201
    secret = {**AGENT, "metadata": {"name": "spy", "version": "1.0.0"}}
    secret["spec"] = {**AGENT["spec"], "role": "${DATABASE_URL}"}  # type: ignore[dict-item]
    said = acme.post("/definitions", json={"manifests": [secret]})
    assert "postgresql://" not in said.text
    assert "postgresql://" not in acme.get("/definitions/agent/spy").text


def test_a_gateway_that_is_killed_under_load_loses_and_doubles_nothing(
    product: Product, acme: httpx.Client
) -> None:
    key = acme.headers["authorization"].removeprefix("Bearer ")
    keys = [f"load-{number}" for number in range(60)]
    acknowledged: dict[str, str] = {}
    enough = threading.Event()

    def ask(mine: list[str], client: httpx.Client) -> None:
        for each in mine:
            try:
                acknowledged[each] = asked(client, **{"idempotency-key": each})
            except httpx.TransportError:
                return
            if len(acknowledged) > 15:
                enough.set()

    with gateway(product.settings) as process, product.client(key) as client:
        threads = [threading.Thread(target=ask, args=(keys[n::4], client)) for n in range(4)]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
        process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join(60)
    before = dict(acknowledged)
    assert len(before) < len(keys)
    with gateway(product.settings), product.client(key) as client:
        for each in keys:
            # One that was under way is let go after its lease: here nobody waits so long.
            answer = client.post(
                "/runs",
                json={"goal": "choose", "agent": "clerk"},
                headers={"idempotency-key": each},
            )
            if answer.status_code == 202:
                acknowledged[each] = answer.json()["run_id"]
            else:
                assert answer.json()["code"] == "under_way"
        for each, run_id in acknowledged.items():
            assert before.get(each, run_id) == run_id
            assert client.get(f"/runs/{run_id}").status_code == 200
    assert len(acknowledged) >= len(keys) - 4
    assert len(set(acknowledged.values())) == len(acknowledged)
    reader = TopicReader(product.settings.kafka_config(), CODEC)
    wait_until(lambda: set(acknowledged.values()) <= _begun(reader), 60)


def _begun(reader: TopicReader) -> set[str]:
    return {
        (each.key or b"").decode()
        for each in reader.read(topics.EVENTS)
        if getattr(each.record, "type", "") == "RunCreated"
    }


def test_a_token_lets_in_and_a_run_is_found_by_the_request_that_somebody_quotes(
    product: Product, acme: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as held:
        issuer, signing = held.enter_context(issuing()), ec()
        issuer.publish(signing)
        described = {
            "name": "test", "issuer": issuer.url, "audience": [AUDIENCE], "tenants": ["acme"],
            "jwks": f"{issuer.url}/keys", "private_addresses": True,
        }  # fmt: skip
        file = tmp_path / "issuers.yaml"
        file.write_text(json.dumps({"issuers": [described]}))
        monkeypatch.setenv("RUNFOLD_HTTP_ISSUERS_FILE", str(file))
        held.enter_context(gateway(product.settings))
        client = held.enter_context(product.client(issuer.token(signing)))
        run_id = asked(client, **{"x-request-id": "quoted-1"})
        question = waiting(client, run_id)
        told = {"question_id": question, "answer": "blue"}
        assert client.post(f"/runs/{run_id}/answer", json=told).status_code == 403
        steered = {"x-request-id": "quoted-2"}
        assert acme.post(f"/runs/{run_id}/answer", json=told, headers=steered).status_code == 200
        wait_caught_up(product.settings)
        for quoted in ("quoted-1", "quoted-2"):
            found = client.get("/runs", params={"request_id": quoted}).json()["runs"]
            assert [each["run_id"] for each in found] == [run_id]
        assert client.get("/runs", params={"request_id": "quoted-3"}).json()["runs"] == []
        who = client.get(f"/runs/{run_id}").json()["identity"]
        assert (who["credential"], who["scopes"]) == ("test/ada", ["read:mail"])
        other = held.enter_context(product.client(product.key("umbrella")))
        assert other.get("/runs", params={"request_id": "quoted-1"}).json()["runs"] == []
        assert client.get("/runs", headers={"authorization": "Bearer ey.x.y"}).status_code == 401
        wrong = product.key("acme")[:-8] + "AAAAAAAA"
        assert client.get("/runs", headers={"authorization": f"Bearer {wrong}"}).status_code == 401
    kept = json.loads(product.cli("keys", "list", "--tenant", "acme", "--json"))
    # Other tests of this stack have keys of the same tenant that were refused.
    assert wrong[3:15] in {each["key_id"] for each in kept if each["last_refused_at"]}
    rows = product.cli("status", run_id)
    assert "quoted-1 with test/ada" in rows
