"""Replies by e-mail: they say something to their run, and decide nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_string
from email.message import EmailMessage
from email.policy import SMTP, default

import pytest

from runfold.events.definitions.agents.built_in_profiles import for_channel
from runfold.surfaces.channels.actions import APPROVE, Action
from runfold.surfaces.channels.adapters.email import Envelope
from runfold.surfaces.channels.inbound.intents import Inbound, Tell, Unclear
from runfold.surfaces.channels.links import Links, TokenError, signed_by
from runfold.surfaces.channels.rendering import Wiring, adapter_of, rendered
from tests.channels.given import KEY, LINKS, UNTIL, WAITS, WIRING, picture
from tests.deciders.given import RUN, TENANT

SENT = rendered(picture(WAITS), "email", for_channel("email"), wiring=WIRING).body
NOW = datetime(2026, 12, 1, tzinfo=UTC)
ACTION = Action(APPROVE, RUN, f"{RUN}.2", "a" * 64)


def reply(text: str, to: str | None = None, html: str | None = None, **headers: str) -> Inbound:
    """Return a reply to the message that was sent, as a mail program writes it."""
    sent = message_from_string(SENT, policy=default)
    message = EmailMessage(policy=SMTP)
    message["From"] = "ann@runs.example"
    message["In-Reply-To"] = sent["Message-ID"] if to is None else to
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return Inbound(message.as_bytes())


def read(inbound: Inbound) -> object:
    return adapter_of("email", WIRING).read(inbound).intent


QUOTES = [
    "On Tue, 1 Dec 2026, runs@runs.example wrote:\n> may write run?\n> Approve: https://…",
    "> Approve it\n",
    "-----Original Message-----\nFrom: runs@runs.example\napprove",
    "-- Write above this line. --\nApprove: https://runs.example/decide?token=rf1s.x",
    "Am Dienstag, 1. Dezember 2026 schrieb runs@runs.example:\n> ja",
    "From: Runs <runs@runs.example>\nSent: Tuesday\napproved",
    "________________________________\nFrom: x\napprove",
]


@pytest.mark.parametrize("quoted", QUOTES)
def test_what_is_quoted_is_not_what_the_sender_says(quoted: str) -> None:
    assert read(reply(f"Please wait until Friday.\n\n{quoted}")) == Tell(
        RUN, "Please wait until Friday."
    )
    assert isinstance(read(reply(f"\n{quoted}")), Unclear)


@pytest.mark.parametrize(
    "text", ["approve", "Approved.", "Yes, approve it please", "OK", "deny", "yes!", "LGTM", "No."]
)
def test_no_words_decide(text: str) -> None:
    intent = read(reply(text))
    assert isinstance(intent, Unclear)
    assert "follow the link" in intent.why


def test_a_signed_token_in_a_reply_decides_nothing_either() -> None:
    assert isinstance(read(reply(f"rf1s.{LINKS.token(ACTION)}")), Unclear)


@pytest.mark.parametrize(
    "to",
    [
        f"<{RUN}.10.0000000000000000@runs.example>",
        f"<{RUN}.10.{'0' * 32}@runs.example>",
        "<hello@runs.example>",
        "",
    ],
)
def test_a_header_without_our_mark_is_believed_nothing(to: str) -> None:
    assert isinstance(read(reply("stop it", to=to)), Unclear)


def test_html_alone_is_not_read() -> None:
    message = EmailMessage(policy=SMTP)
    sent = message_from_string(SENT, policy=default)
    message["In-Reply-To"] = sent["Message-ID"]
    message.set_content("<p>do it</p>", subtype="html")
    assert isinstance(read(Inbound(message.as_bytes())), Unclear)


def test_without_a_key_there_are_no_links_and_no_reply_is_read() -> None:
    bare = Wiring(Links("https://runs.example"), envelope=WIRING.envelope)
    made = rendered(picture(WAITS), "email", for_channel("email"), wiring=bare).body
    assert "token" not in made
    assert "no reply to this message decides it" in made.replace("=\r\n", "")
    assert isinstance(adapter_of("email", bare).read(reply("stop it")).intent, Unclear)


def test_the_messages_of_a_run_are_one_thread() -> None:
    found = message_from_string(SENT, policy=default)
    later = rendered(picture(WAITS), "email", for_channel("email"), seen=3, wiring=WIRING).body
    again = message_from_string(later, policy=default)
    assert found["References"] == again["References"]
    assert RUN in found["Message-ID"]


@pytest.mark.parametrize("to", ["a@b.example, c@d.example", "a@b.example\nBcc: c@d.example"])
def test_a_message_goes_to_one_address(to: str) -> None:
    wiring = replace(WIRING, envelope=Envelope(to=to))
    with pytest.raises((ValueError, IndexError)):
        rendered(picture(WAITS), "email", for_channel("email"), wiring=wiring)


def test_a_token_is_for_one_person_one_call_and_one_span_of_time() -> None:
    token = LINKS.token(ACTION)
    signed = signed_by(token, KEY, NOW)
    assert (signed.action, signed.tenant_id, signed.user_id) == (ACTION, TENANT, "user-1")
    for wrong in (token[:-1], f"{token}A", token.replace("rf1s.", ""), "rf1s..", "", "rf1s.é.é"):
        with pytest.raises(TokenError, match="not made here"):
            signed_by(wrong, KEY, NOW)
    with pytest.raises(TokenError, match="not made here"):
        signed_by(token, b"x" * 32, NOW)
    with pytest.raises(TokenError, match="no longer valid"):
        signed_by(token, KEY, UNTIL)
    with pytest.raises(TokenError):
        signed_by(token, b"", NOW)
    with pytest.raises(TokenError, match="32 bytes"):
        Links("https://x", b"short", until=UNTIL).token(ACTION)
