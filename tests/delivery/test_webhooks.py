"""Webhooks on the real log and tables: in order, signed, retried, given up, through kills."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict

import pytest
from standardwebhooks import Webhook

from runfold.events.definitions import Subscription
from runfold.stack.settings import Settings
from tests.delivery.receiver import Got, Receiver, accepts, plain
from tests.delivery.running import SECRET, ask, delivering, publish, run_of
from tests.support import journal
from tests.support.stack import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def subscription(url: str, name: str = "hook", **more: object) -> Subscription:
    said = {"events": ("*",), "secrets": ("webhook",), **more}
    return Subscription.model_validate({"name": name, "version": "1.0.0", "url": url, **said})


def told(got: list[Got]) -> dict[str, list[int]]:
    """What arrived, by run, in the order of arrival; each event once."""
    found: dict[str, list[int]] = defaultdict(list)
    for each in got:
        data = json.loads(each.body)["data"]
        if data["seq"] not in found[data["run_id"]]:
            found[data["run_id"]].append(data["seq"])
    return dict(found)


def test_every_event_arrives_signed_and_in_the_order_of_its_run(settings: Settings) -> None:
    async def moody(got: Got, writer: asyncio.StreamWriter) -> None:
        # Every third is refused at first, and one run for a while.
        data = json.loads(got.body)["data"]
        earlier = sum(
            1 for each in receiver.got if each.headers["webhook-id"] == got.headers["webhook-id"]
        )
        refused = earlier <= (3 if data["run_id"] == "run-00001" else 1) and data["seq"] % 3 == 0
        writer.write(plain(503 if refused else 200, b"thank you"))

    runs = [run_of(number, settings) for number in range(12)]
    others = [run_of(number, settings, "other") for number in range(12, 15)]
    with Receiver(moody) as receiver, Receiver(accepts) as narrow:
        publish(settings, subscription(receiver.url()), tenant="acme")
        filtered = subscription(
            narrow.url(), "ends", events=("Run*",), filter={"statuses": ["completed"]},
            contents="event",
        )  # fmt: skip
        publish(settings, filtered)
        with delivering(settings):
            journal.write(settings.bootstrap_servers, [*runs, *others])
            count = sum(len(run.events) for run in runs)
            wait_until(lambda: sum(map(len, told(receiver.got).values())) >= count, 90)
            wait_until(lambda: len(narrow.got) >= 15, 60)
            wait_until(lambda: not open_(settings), 60)

    assert told(receiver.got) == {
        run.run_id: [event.meta.seq for event in run.events] for run in runs
    }
    for got in receiver.got:
        assert Webhook(SECRET).verify(got.body.decode(), got.headers)["type"]
    ids = {(each.headers["webhook-id"], each.body) for each in receiver.got}
    assert len(ids) == count
    one = json.loads(narrow.got[0].body)
    assert (one["type"], one["data"]["event"]["type"]) == ("RunCompleted", "RunCompleted")
    assert one["data"]["event"]["fact"]["exit"]["status"] == "success"
    assert {json.loads(each.body)["data"]["tenant_id"] for each in narrow.got} == {"acme", "other"}
    rows = ask(settings, "SELECT state, count(*) FROM deliveries GROUP BY 1")
    assert rows == [("delivered", count + 15)]
    [(attempts,)] = ask(
        settings,
        "SELECT array_agg(a.code ORDER BY a.attempt) FROM delivery_attempts a JOIN deliveries d"
        " USING (number) WHERE run_id = 'run-00001' AND seq = 3 AND subscription = 'hook'",
    )
    assert attempts == [503, 503, 503, 200]


def open_(settings: Settings) -> int:
    [(count,)] = ask(settings, "SELECT count(*) FROM deliveries WHERE state = 'open'")
    return int(count)
