"""Web push: encrypted for each browser, once, by a service that ends, limits and breaks off."""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from datetime import UTC, datetime

import pytest

from runfold.events.definitions import Subscriber
from runfold.infra.database.connection import Session
from runfold.infra.http.push.target import Target
from runfold.infra.http.push.vapid import PushKey
from runfold.infra.http.rules import OutgoingRules
from runfold.processors.delivery import tables
from runfold.processors.delivery.push import browsers
from runfold.processors.delivery.push.browsers import Browser
from runfold.stack.settings import Settings
from tests.delivery.browsers import OneBrowser, Service, verified
from tests.delivery.receiver import Got, Receiver, plain
from tests.delivery.running import ask, delivering, publish, run_of
from tests.support import journal
from tests.support.stack import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

KEY = PushKey.new()
ENV = {
    "RUNFOLD_SECRET_WEBPUSH": KEY.secret(),
    "RUNFOLD_PUSH_CONTACT": "mailto:ops@example.com",
    "RUNFOLD_PUBLIC_URL": "https://runs.example.com",
}
ANYWHERE = OutgoingRules(plain=True, networks=OutgoingRules.read(
    {"RUNFOLD_OUTGOING_PRIVATE": "127.0.0.0/8"}
).networks, ports=None)  # fmt: skip


def subscribe(
    settings: Settings,
    service: Receiver,
    *those: OneBrowser,
    user: str = "u1",
    tenant: str = "acme",
    key: str = KEY.public,
) -> None:
    tables.ensure(settings.database_url)
    with Session.to(settings.database_url) as session:
        for each in those:
            said = each.subscription(service)
            keys = said["keys"]
            target = Target.checked(said["endpoint"], keys["p256dh"], keys["auth"], ANYWHERE)
            made = Browser(tenant, user, target, key, each.path, datetime.now(UTC))
            browsers.add(session, made)


def person(name: str = "push", **said: object) -> Subscriber:
    whole = {"channel": "webpush", "person": "u1", "about": ["completed"], **said}
    return Subscriber.model_validate({"name": name, "version": "1.0.0", **whole})


def states(settings: Settings, name: str = "push") -> list[str]:
    query = "SELECT state FROM notifications WHERE subscriber = %s ORDER BY number"
    return [state for (state,) in ask(settings, query, name)]


def test_each_browser_of_the_person_is_told_once_whatever_the_others_answer(  # noqa: PLR0915
    settings: Settings,
) -> None:
    names = ("good", "busy", "broken", "ended", "gone", "large", "refusing", "late", "moved")
    all_of = {name: OneBrowser(f"/push/{name}") for name in names}
    answers = Service({
        "/push/busy": lambda n: plain(429, b"", "retry-after: 2") if n == 1 else plain(201),
        "/push/broken": lambda n: plain(503) if n == 1 else plain(201),
        "/push/ended": lambda _: plain(404),
        "/push/gone": lambda _: plain(410),
        "/push/large": lambda n: plain(413) if n == 1 else plain(201),
        "/push/refusing": lambda _: plain(400, b"what was sent, in full"),
        "/push/late": lambda _: b"",
        "/push/moved": lambda _: plain(307, b"", "location: http://127.0.0.1:1/"),
    })  # fmt: skip

    async def answer(got: Got, writer: asyncio.StreamWriter) -> None:
        await answers(got, writer)
        if got.path == "/push/late":
            writer.close()

    with Receiver(answer) as service:
        other = OneBrowser("/push/other")
        subscribe(settings, service, *all_of.values())
        subscribe(settings, service, other, user="u2")
        subscribe(settings, service, OneBrowser("/push/elsewhere"), tenant="other")
        subscribe(settings, service, OneBrowser("/push/old"), key=PushKey.new().public)
        publish(settings, person(about=["completed", "approval"]), tenant="acme")
        with delivering(settings, **ENV):
            journal.write(settings.bootstrap_servers, [run_of(0, settings)])
            wait_until(lambda: states(settings) == ["sent", "sent"], 90)
        assert {*answers.asked} == {each.path for each in all_of.values()}
        told = {name: _told(each, service) for name, each in all_of.items()}
        for got in service.got:
            assert verified(got, KEY.public, service)["sub"] == "mailto:ops@example.com"
    run = "run-00000"
    assert [card["about"] for card in told["good"]] == ["approval", "completed"]
    assert told["good"][1] == {
        "title": "Runfold: a run has completed", "body": f"Run {run} has completed.",
        "link": f"https://runs.example.com/runs/{run}", "tag": told["good"][1]["tag"],
        "about": "completed", "time": told["good"][1]["time"],
    }  # fmt: skip
    heads = [got.headers for got in service.got if got.path == "/push/good"]
    assert [head["urgency"] for head in heads] == ["high", "low"]
    assert [int(head["ttl"]) for head in heads] == [86_400, 3 * 86_400]
    # How a run stands takes the place of how it stood, in the service and on the screen.
    assert {head["topic"] for head in heads} == {card["tag"] for card in told["good"]}
    assert all(len(head["topic"]) == 32 and run not in head["topic"] for head in heads)
    # What was too large was sent again at once, without its line.
    assert [bool(card["body"]) for card in told["large"]] == [True, False, True]
    rows = ask(
        settings,
        "SELECT b.label, a.state, count(*) FROM push_attempts AS a JOIN push_browsers AS b"
        " USING (browser) GROUP BY 1, 2",
    )
    assert sorted((label.removeprefix("/push/"), state, n) for label, state, n in rows) == [
        ("broken", "sent", 2), ("busy", "sent", 2), ("good", "sent", 2), ("large", "sent", 2),
        ("late", "unknown", 2), ("moved", "failed", 2), ("old", "failed", 2),
        ("refusing", "failed", 2),
    ]  # fmt: skip
    said = ask(settings, "SELECT string_agg(error, '') FROM push_attempts")[0][0]
    assert "what was sent" not in said
    assert "127.0.0.1" not in said
    # 404 and 410 end a browser's subscription: after the first, nothing was sent there.
    assert answers.asked["/push/ended"] == answers.asked["/push/gone"] == 1
    left = {label for (label,) in ask(settings, "SELECT label FROM push_browsers")}
    assert left & {"/push/ended", "/push/gone"} == set()
    assert {"/push/other", "/push/elsewhere"} <= left
    again = [got.headers for got in service.got if got.path == "/push/busy"]
    # What is sent again comes late, and takes nothing's place.
    assert ["topic" in head for head in again] == [True, True, False]
    # Sent more than once alone where the first was not taken.
    assert answers.asked["/push/good"] == answers.asked["/push/late"] == 2
    assert answers.asked["/push/broken"] == answers.asked["/push/busy"] == 3


def _told(browser: OneBrowser, service: Receiver) -> list[dict[str, object]]:
    return [browser.read(got) for got in service.got if got.path == browser.path]


def test_what_was_sent_when_the_process_was_killed_is_unknown_and_not_sent_again(
    settings: Settings,
) -> None:
    answers = Service()
    with Receiver(answers) as service:
        one = OneBrowser("/push/one")
        subscribe(settings, service, one)
        publish(settings, person(), tenant="acme")
        with delivering(settings, "first", fail_at="delivery.after_push:3", **ENV) as process:
            journal.write(settings.bootstrap_servers, [run_of(n, settings) for n in range(8)])
            ended(process)
        with delivering(settings, "second", **ENV):
            wait_until(lambda: len(states(settings)) == 8, 60)
            wait_until(lambda: not {"open", "sending"} & {*states(settings)}, 60)
        told = Counter(str(card["link"]) for card in _told(one, service))
    assert set(told.values()) == {1}
    counted = Counter(states(settings))
    # How many were on record by then is a matter of time.
    assert {"unknown"} <= {*counted} <= {"sent", "unknown"}
    # What nobody knows of is shown, and what was told is told once.
    assert counted["sent"] <= len(told) <= 8


def test_gathered_ones_are_one_message_and_who_has_no_browser_is_told_nothing(
    settings: Settings,
) -> None:
    answers = Service()
    with Receiver(answers) as service:
        one, shared = OneBrowser("/push/one"), OneBrowser("/push/shared")
        subscribe(settings, service, one)
        subscribe(settings, service, shared, user="op", tenant="ops")
        later = {"gather": {"every": "day", "at": "00:00"}, "about": ["completed"]}
        publish(
            settings, person(**later), person("nobody", person="u9"),
            person("quiet", quiet={"begins": "00:00", "ends": "23:59"}), tenant="acme",
        )  # fmt: skip
        publish(settings, person("ops", person="op", address="ops"), person("lost", person="op"))
        with delivering(settings, **ENV):
            journal.write(settings.bootstrap_servers, [run_of(n, settings) for n in range(3)])
            wait_until(lambda: states(settings, "nobody") == ["dropped"] * 3, 60)
            wait_until(lambda: states(settings, "ops") == ["sent"] * 3, 60)
            wait_until(lambda: states(settings, "lost") == ["dropped"] * 3, 60)
            assert states(settings) == ["open"] * 3
            due(settings, "push")
            wait_until(lambda: states(settings) == ["sent"] * 3, 60)
        [card] = _told(one, service)
    assert card["title"] == "Runfold: 3 notifications"
    assert str(card["body"]).count("has completed") == 3
    [head] = [got.headers for got in service.got if got.path == "/push/one"]
    assert "topic" not in head
    assert states(settings, "quiet")[:1] == ["open"] or datetime.now(UTC).hour == 23


def due(settings: Settings, name: str) -> None:
    """Let what waits be due."""
    with Session.to(settings.database_url) as session:
        session.execute("UPDATE notifications SET due_at = now() WHERE subscriber = %s", (name,))


def ended(process: subprocess.Popen[bytes]) -> None:
    wait_until(lambda: process.poll() is not None, 60)
