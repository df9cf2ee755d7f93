"""Notifications by webhook, Slack-compatible webhook and e-mail: one an event, after kills too."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from standardwebhooks import Webhook

from runfold.events.definitions import Subscriber
from runfold.stack.settings import Settings
from tests.delivery.receiver import Got, Receiver, accepts, plain
from tests.delivery.running import SECRET, ask, delivering, publish, run_of
from tests.support import journal
from tests.support.stack import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


class Mailbox:
    """What a server of e-mail got; the first mail to each address is refused for now."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.refused: set[str] = set()

    async def handle_RCPT(  # noqa: N802 - as the library names it
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address not in self.refused:
            self.refused.add(address)
            return "451 not now"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope)
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[Mailbox, str]]:
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, f"smtp://127.0.0.1:{port}?tls=no"
    finally:
        controller.stop()


def subscriber(name: str, **said: object) -> Subscriber:
    return Subscriber.model_validate({"name": name, "version": "1.0.0", **said})


def test_each_hears_once_of_what_concerns_them(settings: Settings) -> None:
    slack_fails = Counter[str]()

    async def slack(got: Got, writer: asyncio.StreamWriter) -> None:
        slack_fails[got.path] += 1
        writer.write(plain(500 if slack_fails[got.path] == 1 else 200, b"ok"))

    with Receiver(slack) as chat, Receiver(accepts) as hook, mail_server() as (box, smtp):
        publish(
            settings,
            subscriber("chat", channel="slack", secret="webhook-chat", about=["approval"]),
            subscriber(
                "own", person="u1", channel="webhook", address=hook.url(), secret="webhook",
                about=["completed", "approval"], whose="own",
            ),
            subscriber("mail", channel="email", address="ada@example.com", about=["completed"]),
            subscriber(
                "later", channel="email", address="bob@example.com", about=["completed"],
                gather={"every": "day", "at": "00:00"},
            ),
        )  # fmt: skip
        env = {
            "RUNFOLD_SECRET_WEBHOOK_CHAT": chat.url("/services/T0/B0/token"),
            "RUNFOLD_SMTP_URL": smtp,
            "RUNFOLD_SMTP_FROM": "runfold@example.com",
            "RUNFOLD_PUBLIC_URL": "https://runs.example.com",
        }
        with delivering(settings, **env):
            journal.write(settings.bootstrap_servers, [run_of(n, settings) for n in range(3)])
            wait_until(lambda: states(settings, "chat") == {"sent"}, 90)
            wait_until(lambda: states(settings, "mail") == {"sent"}, 90)
            wait_until(lambda: states(settings, "own") == {"sent"}, 90)
        assert states(settings, "later") == {"open"}
    assert len(hook.got) == 3
    for got in hook.got:
        [one] = Webhook(SECRET).verify(got.body.decode(), got.headers)["data"]["notifications"]
        assert (one["about"], one["link"]) == (
            "completed", f"https://runs.example.com/runs/{one['run_id']}",
        )  # fmt: skip
    told = [json.loads(got.body)["text"] for got in chat.got]
    # The first was answered with 500: it was not taken, and was sent again.
    assert len(told) == 4
    assert all("waits for an approval of files.read" in each for each in told)
    assert [mail.rcpt_tos for mail in box.mails] == [["ada@example.com"]] * 3
    bodies = [mail.content.decode() for mail in box.mails]
    assert all("has completed" in each and "what went wrong?" not in each for each in bodies)


def test_what_is_in_doubt_is_shown_and_not_sent_again(settings: Settings) -> None:
    with Receiver(accepts) as hook:
        person = subscriber(
            "hook", channel="webhook", address=hook.url(), secret="webhook", about=["completed"]
        )
        publish(settings, person)
        with delivering(settings, "first", fail_at="delivery.after_notifying:4") as process:
            journal.write(settings.bootstrap_servers, [run_of(n, settings) for n in range(12)])
            wait_until(lambda: process.poll() is not None, 60)
        with delivering(settings, "second", fail_at="delivery.after_claim:2") as process:
            journal.write(settings.bootstrap_servers, [run_of(n, settings) for n in range(12, 16)])
            wait_until(lambda: process.poll() is not None, 60)
        with delivering(settings, "third"):
            count = "SELECT count(*) FROM notifications"
            wait_until(lambda: ask(settings, count) == [(16,)], 60)
            wait_until(lambda: not states(settings, "hook") & {"open", "sending"}, 60)
    rows = ask(settings, "SELECT event_id, state FROM notifications ORDER BY number")
    assert len(rows) == 16
    got = Counter(
        each["event_id"]
        for request in hook.got
        for each in json.loads(request.body)["data"]["notifications"]
    )
    assert set(got.values()) == {1}
    # What was sent arrived; of what is in doubt some arrived, and all of it is shown.
    assert {event for event, state in rows if state == "sent"} <= set(got)
    assert {state for _, state in rows} <= {"sent", "unknown"}
    assert any(state == "unknown" for _, state in rows)
    assert set(got) | {event for event, state in rows if state == "unknown"} == {e for e, _ in rows}


def states(settings: Settings, name: str) -> set[str]:
    return {
        state
        for (state,) in ask(
            settings, "SELECT DISTINCT state FROM notifications WHERE subscriber = %s", name
        )
    }
