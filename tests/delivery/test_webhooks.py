"""Webhooks on the real log and tables: in order, signed, retried, given up, through kills."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from standardwebhooks import Webhook

from runfold.events.definitions import Subscription
from runfold.infra.http import signing
from runfold.processors.delivery.log import DeliveryLog
from runfold.processors.delivery.rows import Key
from runfold.producers.log.kafka import TopicReader
from runfold.stack.settings import Settings
from runfold.surfaces.application.delivery.replaying import replay, start_of
from runfold.surfaces.application.governing.definitions import read_definitions
from tests.delivery.receiver import Got, Receiver, accepts, plain
from tests.delivery.running import OPEN, ROOT, SECRET, ask, delivering, publish, run_of
from tests.docs.test_blocks import environment
from tests.support import journal
from tests.support.builders.history import CODEC
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


async def stalls(_got: Got, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(600)


async def lies(_got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nsoon")
    writer.close()


async def is_gone(_got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(plain(410, b"<script>gone</script>"))


def test_receivers_that_stall_lie_redirect_or_are_gone_harm_nobody(settings: Settings) -> None:
    with ExitStack() as held:
        good, inner = (held.enter_context(Receiver(accepts)) for _ in range(2))

        async def redirects(_got: Got, writer: asyncio.StreamWriter) -> None:
            writer.write(plain(307, b"", f"location: {inner.url('/inside')}"))

        bad = {
            name: held.enter_context(Receiver(answer))
            for name, answer in (
                ("gone", is_gone), ("lies", lies), ("redirects", redirects), ("stalls", stalls),
            )
        }  # fmt: skip
        publish(settings, subscription(good.url(), "good"), tenant="acme")
        for name, receiver in bad.items():
            made = subscription(receiver.url(), name, timeout_ms=1000, concurrency=16)
            publish(settings, made, tenant="acme")
        # One whose name leads to a network that nobody let in, one without its secret.
        publish(settings, subscription("http://10.0.0.1/", "inside"), tenant="acme")
        publish(settings, subscription(good.url(), "keyless", secrets=("webhook-none",)))
        runs = [run_of(number, settings) for number in range(30)]
        count = sum(len(run.events) for run in runs)
        with delivering(settings, RUNFOLD_WEBHOOK_PAUSES_S="0.5,0.5,600,600"):
            journal.write(settings.bootstrap_servers, runs)
            wait_until(lambda: sum(map(len, told(good.got).values())) >= count, 60)
            wait_until(lambda: switched_off(settings) == {"gone"}, 60)
            wait_until(lambda: not states(settings, "gone") & {"open"}, 60)
            worst = "SELECT min(attempts) FROM deliveries WHERE subscription = %s AND seq = 1"
            for name in ("lies", "redirects", "inside", "keyless"):
                wait_until(lambda which=name: ask(settings, worst, which) == [(3,)], 60)
            # The second events of its runs were never sent: their first ones have not arrived.
            assert ask(
                settings,
                "SELECT DISTINCT subscription FROM deliveries WHERE seq > 1 AND attempts > 0",
            ) == [("good",)]
            # Of a run that nobody refused: it is not held up by those that were.
            journal.write(settings.bootstrap_servers, [run_of(99, settings)])
            wait_until(lambda: "run-00099" in told(good.got), 60)
    assert inner.got == []
    assert states(settings, "gone") == {"failed", "dropped"}
    errors = ask(settings, "SELECT DISTINCT subscription, error FROM deliveries WHERE error <> ''")
    said = defaultdict(set)
    for name, error in errors:
        said[name].add(error)
    assert said["redirects"] == {"redirects are not followed"}
    assert all("not an address of the public internet" in each for each in said["inside"])
    (keyless,) = said["keyless"]
    assert keyless.startswith("secret: the store of secrets holds no webhook-none: set RUNFOLD_")
    assert not [each for each in errors if "<" in each[1]]
    [(since,)] = ask(
        settings, "SELECT failing_since FROM delivery_receivers WHERE subscription = 'lies'"
    )
    assert since is not None


def states(settings: Settings, name: str) -> set[str]:
    return {
        state
        for (state,) in ask(
            settings, "SELECT DISTINCT state FROM deliveries WHERE subscription = %s", name
        )
    }


def switched_off(settings: Settings) -> set[str]:
    reader = TopicReader(settings.kafka_config(), CODEC)
    return {name.name for name, switch in read_definitions(reader).switches() if switch.stopped}


def test_kills_lose_nothing_and_keep_the_order(settings: Settings) -> None:
    runs = [run_of(number, settings) for number in range(40)]
    count = sum(len(run.events) for run in runs)
    with Receiver(accepts) as receiver:
        publish(settings, subscription(receiver.url()))
        with delivering(settings, "first", fail_at="delivery.before_adding") as process:
            journal.write(settings.bootstrap_servers, runs[:20])
            wait_until(lambda: process.poll() is not None, 60)
        with delivering(settings, "second", fail_at="delivery.after_adding") as process:
            wait_until(lambda: process.poll() is not None, 60)
        with delivering(settings, "third", fail_at="delivery.after_answer:25") as process:
            wait_until(lambda: process.poll() is not None, 60)
        assert len(receiver.got) >= 25
        with delivering(settings, "fourth") as process:
            journal.write(settings.bootstrap_servers, runs[20:])
            wait_until(lambda: len(receiver.got) > 100, 60)
            # Another takes over in full flight: this one is told, and ends.
            with delivering(settings, "fifth"):
                wait_until(lambda: process.poll() is not None, 60)
                assert process.returncode == 3
                wait_until(lambda: sum(map(len, told(receiver.got).values())) >= count, 90)
                wait_until(lambda: not open_(settings), 60)
    assert told(receiver.got) == {
        run.run_id: [event.meta.seq for event in run.events] for run in runs
    }
    assert ask(settings, "SELECT count(*) FROM deliveries") == [(count,)]


def test_the_command_line_shows_replays_rotates_and_switches(settings: Settings) -> None:
    def cli(*words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "runfold.surfaces.cli", *words],
            env={**environment(settings), **OPEN}, cwd=ROOT, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout) if "--json" in words else done.stdout

    newer = signing.new_secret()
    whose = ("--tenant", "acme")
    with Receiver(accepts) as receiver:
        publish(settings, subscription(receiver.url(), events=("Run*",)), tenant="acme")
        with delivering(settings, RUNFOLD_SECRET_WEBHOOK_2=newer):
            journal.write(settings.bootstrap_servers, [run_of(1, settings)])
            wait_until(lambda: len(receiver.got) == 3, 60)
            wait_until(lambda: not open_(settings), 60)
            [listed] = cli("webhooks", "list", "--json")
            assert (listed["name"], listed["state"], listed["open"]) == ("hook", "on", 0)
            log = cli("webhooks", "log", "hook", *whose, "--json")
            assert [(each["seq"], each["state"]) for each in log] == [
                (7, "delivered"), (2, "delivered"), (1, "delivered"),
            ]  # fmt: skip
            assert [each["webhook_id"] for each in log] == [
                each.headers["webhook-id"] for each in reversed(receiver.got)
            ]
            assert log[0]["attempts"][0]["code"] == 200
            cli("webhooks", "rotate", "hook", "--to", "webhook-2", *whose)
            wait_until(lambda: both_sign(cli, receiver, newer), 90)
            again = cli(
                "webhooks", "replay", "hook", "--from", "2025-12-31T00:00Z", *whose, "--json"
            )
            assert (again["events"], again["replay"]) >= (3, 1)
            cli("switch", "off", "subscription/hook", *whose, "--reason", "enough")
            [listed] = cli("webhooks", "list", "--json", *whose)
            assert (listed["state"], listed["reason"]) == ("off", "enough")
    ids = Counter(each.headers["webhook-id"] for each in receiver.got)
    assert len(ids) == 3


def test_a_replay_of_a_run_that_waits_for_hours_begins_at_once(settings: Settings) -> None:
    well = threading.Event()

    async def recovers(_got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(plain(200 if well.is_set() else 503))

    run = run_of(1, settings)
    with Receiver(recovers) as receiver:
        # One of its two secrets is not there, which stops nothing.
        made = subscription(receiver.url(), secrets=("webhook-none", "webhook"))
        publish(settings, made, tenant="acme")
        with delivering(settings, RUNFOLD_WEBHOOK_PAUSES_S="3000,3000"):
            journal.write(settings.bootstrap_servers, [run])
            wait_until(lambda: open_(settings) == len(run.events), 60)
            tried = "SELECT max(attempts) FROM deliveries"
            wait_until(lambda: ask(settings, tried) == [(1,)], 60)
            well.set()
            reader = TopicReader(settings.kafka_config(), CODEC)
            log, key = DeliveryLog(settings.database_url), Key("acme", "hook")
            made_of = read_definitions(reader)
            found = replay(reader, made_of, log, key, made, start_of("earliest"))
            assert (found.tried_first, found.events, found.next) == (1, len(run.events), None)
            wait_until(lambda: not open_(settings), 60)
            missing = "SELECT missing_secrets FROM delivery_receivers"
            wait_until(lambda: ask(settings, missing) == [(["webhook-none"],)], 60)
    order = [json.loads(each.body)["data"]["seq"] for each in receiver.got]
    seqs = [event.meta.seq for event in run.events]
    assert order == [seqs[0], *seqs, *seqs]


def both_sign(cli: Callable[..., Any], receiver: Receiver, newer: str) -> bool:
    """Whether what is replayed now is signed with both secrets."""
    before = len(receiver.got)
    cli("webhooks", "replay", "hook", "--from", "2025-12-31T00:00Z", "--tenant", "acme")
    wait_until(lambda: len(receiver.got) >= before + 3, 60)
    last = receiver.got[-1]
    Webhook(SECRET).verify(last.body.decode(), last.headers)
    return len(last.headers["webhook-signature"].split()) == 2 and bool(
        Webhook(newer).verify(last.body.decode(), last.headers)
    )
