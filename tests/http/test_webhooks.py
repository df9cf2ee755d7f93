"""The routes of webhooks and notifications on rows of a real Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from runfold.events import topics
from runfold.events.definitions import Subscription
from runfold.infra.database.connection import Session
from runfold.processors.definitions.record import announce, key
from runfold.processors.delivery.rows import Key, Notice
from runfold.processors.delivery.webhooks import store
from tests.deciders.given import TENANT
from tests.deciders.given import request as asked
from tests.delivery.rows import BEGAN, added, ended, tables_at, wanted
from tests.http.serving import serving
from tests.support.builders.stories import WRITES
from tests.surfaces.answering import answering

pytestmark = pytest.mark.integration


def hook(name: str = "hook", **more: Any) -> Subscription:
    said = {"events": ("Run*",), "secrets": ("webhook-2", "webhook"), **more}
    url = "https://hooks.example/x"
    return Subscription.model_validate({"name": name, "version": "1.0.0", "url": url, **said})


@pytest.fixture
def rows(database_url: str) -> Iterator[Session]:
    with tables_at(database_url) as session:
        yield session


def _published(*_given: object) -> Any:
    raise AssertionError("it was published")


@pytest.fixture
def client(database_url: str, rows: Session) -> Iterator[httpx.Client]:
    log = answering(asked(), WRITES)
    before = BEGAN - timedelta(days=400)
    for made, tenant in (
        (hook(filter={"statuses": ["completed"]}), TENANT), (hook("quiet"), TENANT),
        (hook("theirs"), "other"),
    ):  # fmt: skip
        log.publish(topics.REGISTRY, announce(made, "ada", before, tenant), key(made, tenant))
    with serving(log, reads_to=lambda: database_url, publish=_published) as served:
        yield served.client()


def answered(client: httpx.Client, path: str, **asked: Any) -> Any:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_deliveries_are_listed_page_by_page_with_every_attempt(
    client: httpx.Client, rows: Session
) -> None:
    made = [wanted(f"r{number % 3}", number, scope=TENANT) for number in range(1, 12)]
    those = added(rows, *made)
    added(rows, wanted("r1", 1, "theirs", "other"), wanted("r9", 1, "quiet", TENANT))
    due = datetime.now(UTC) + timedelta(hours=2)
    for row in those[:6]:
        ended(rows, row)
    ended(rows, those[6], "open", due_at=due)
    ended(rows, those[6], "failed", attempt=2)
    ended(rows, those[7], "open", due_at=due)

    pages, before = [], None
    while True:
        more = {"before": before} if before else {}
        page = answered(client, "/webhooks/hook/deliveries", limit=4, **more)["deliveries"]
        if not page:
            break
        pages.append(page)
        before = page[-1]["number"]
    assert [len(page) for page in pages] == [4, 4, 3]
    found = [each for page in pages for each in page]
    assert [each["seq"] for each in found] == list(range(11, 0, -1))
    by_seq = {each["seq"]: each for each in found}
    assert [(each["attempt"], each["code"]) for each in by_seq[7]["attempts"]] == [
        (1, 503), (2, 503),
    ]  # fmt: skip
    assert by_seq[1]["attempts"][0] == {
        "attempt": 1, "attempted_at": "2026-01-01T01:00:00+00:00", "code": 204, "error": None,
        "took_ms": 12,
    }  # fmt: skip
    # Of its run 8 waits for its next attempt, and 11 for 8.
    assert (by_seq[8]["waits_for"], by_seq[11]["waits_for"]) == (None, by_seq[8]["number"])
    assert datetime.fromisoformat(by_seq[8]["due_at"]) == due
    assert by_seq[7]["due_at"] is None
    failed = answered(client, "/webhooks/hook/deliveries", state="failed")["deliveries"]
    assert [each["seq"] for each in failed] == [7]
    of_run = answered(client, "/webhooks/hook/deliveries", run_id="r1")["deliveries"]
    assert [each["seq"] for each in of_run] == [10, 7, 4, 1]
    for wrong in ({"state": "lost"}, {"before": "0"}, {"limit": 501}, {"after": 1}):
        refused = client.get("/webhooks/hook/deliveries", params=wrong)
        assert refused.status_code in {400, 422}, (wrong, refused.text)


def test_webhooks_are_shown_with_how_their_receivers_do_and_those_of_others_are_not(
    client: httpx.Client, rows: Session
) -> None:
    those = added(rows, wanted("r1", 1, scope=TENANT), wanted("r2", 2, scope=TENANT))
    added(rows, wanted("r1", 1, "theirs", "other"))
    due = datetime.now(UTC) + timedelta(hours=2)
    ended(rows, those[0], "open", due_at=due)
    keys = [Key(TENANT, "hook"), Key("other", "theirs")]
    store.receivers(rows, keys, ok=False, at=BEGAN)
    store.note_secrets(rows, {keys[0]: ["webhook-2"]})

    listed = answered(client, "/webhooks")["webhooks"]
    assert [(each["name"], each["state"], each["open"]) for each in listed] == [
        ("hook", "failing", 2), ("quiet", "on", 0),
    ]  # fmt: skip
    shown = answered(client, "/webhooks/hook")
    assert shown == listed[0]
    assert shown["failing_since"] == "2026-01-01T00:00:00+00:00"
    assert shown["missing_secrets"] == ["webhook-2"]
    assert shown["filter"]["statuses"] == ["completed"]
    assert shown["oldest_open_at"] == "2026-01-01T00:01:00+00:00"
    assert datetime.fromisoformat(shown["next_attempt_at"]) == due
    for path in ("/webhooks/theirs", "/webhooks/theirs/deliveries", "/webhooks/none"):
        assert client.get(path).status_code == 404
    assert answered(client, "/webhooks/quiet/deliveries") == {"deliveries": [], "shape": 2}


def test_a_replay_adds_rows_within_its_bound_and_says_what_it_waits_for(
    client: httpx.Client, rows: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNFOLD_WEBHOOK_REPLAY_OPEN", "3")
    answer = client.post("/webhooks/quiet/replay", json={"from": "earliest"})
    assert answer.status_code == 202, answer.text
    said = answer.json()
    assert (said["replay"], said["tried_first"]) == (1, 0)
    assert 0 < said["events"] <= 3
    assert (said["next"] is None) == (said["events"] < 3)
    rows.execute(
        "INSERT INTO runfold.deliveries (scope, subscription, run_id, seq, replay, tenant_id,"
        " partition, journal_offset, type, status, occurred_at)"
        " SELECT %s, 'hook', 'r', n, 1, %s, 0, n, 'RunStarted', '', now()"
        " FROM generate_series(1, 3) AS n",
        (TENANT, TENANT),
    )
    refused = client.post("/webhooks/quiet/replay", json={"from": "earliest"})
    assert (refused.status_code, refused.json()["code"]) == (429, "replays_open")
    assert "switch the subscription off and on" in refused.json()["detail"]
    assert refused.json()["retryable"]


def test_finishing_a_rotation_to_a_secret_that_is_missing_is_refused(
    client: httpx.Client, rows: Session
) -> None:
    store.note_secrets(rows, {Key(TENANT, "hook"): ["webhook-2"]})
    refused = client.post("/webhooks/hook/rotate", json={})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
    assert "set RUNFOLD_SECRET_WEBHOOK_2 there" in refused.json()["detail"]


def test_notifications_are_listed(client: httpx.Client, rows: Session) -> None:
    said = ("r1", "failed", "It failed.", 0, BEGAN, BEGAN)
    notices = [
        Notice(scope, "ada", f"e{number}", scope, *said)
        for number, scope in enumerate((TENANT, TENANT, "other"))
    ]
    added(rows, notices=notices)
    rows.execute("UPDATE runfold.notifications SET state = 'unknown' WHERE event_id = 'e0'")
    assert len(answered(client, "/notifications")["notifications"]) == 2
    (one,) = answered(client, "/notifications", state="unknown")["notifications"]
    assert (one["subscriber"], one["run_id"], one["state"]) == ("ada", "r1", "unknown")
    assert client.get("/notifications", params={"state": "lost"}).status_code == 422
