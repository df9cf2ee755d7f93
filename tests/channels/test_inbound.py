"""Signatures, the directory, and what people type."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runfold.infra.settings.errors import ConfigError
from runfold.surfaces.channels.inbound.directory import Directory, read_directory
from runfold.surfaces.channels.inbound.intents import (
    Ask,
    Decide,
    Intent,
    Look,
    Reply,
    Tell,
    Unclear,
)
from runfold.surfaces.channels.inbound.reading import typed
from runfold.surfaces.channels.inbound.signatures import (
    UnsignedError,
    need_now,
    need_slack,
    need_teams,
)
from tests.deciders.given import RUN

NOW = datetime.fromtimestamp(1_531_420_618, UTC)
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
HEADERS = {
    "x-slack-request-timestamp": "1531420618",
    "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
}
"""The worked example of Slack's own documentation: its secret, body and signature."""


def test_slacks_own_example_is_believed() -> None:
    need_slack(BODY, HEADERS, SECRET, NOW)


@pytest.mark.parametrize(
    ("body", "headers", "secret", "late"),
    [
        (BODY + b" ", {}, SECRET, 0),
        (BODY, {"x-slack-signature": "v0="}, SECRET, 0),
        (BODY, {"x-slack-signature": ""}, SECRET, 0),
        (BODY, {"x-slack-signature": HEADERS["x-slack-signature"][3:]}, SECRET, 0),
        (BODY, {"x-slack-request-timestamp": "1531420619"}, SECRET, 0),
        (BODY, {"x-slack-request-timestamp": "١٥٣١٤٢٠٦١٨"}, SECRET, 0),
        (BODY, {"x-slack-request-timestamp": "-1"}, SECRET, 0),
        (BODY, {}, SECRET.upper(), 0),
        (BODY, {}, "", 0),
        (BODY, {}, SECRET, 301),
        (BODY, {}, SECRET, -301),
    ],
)
def test_what_slack_has_not_signed_now_is_not(
    body: bytes, headers: dict[str, str], secret: str, late: int
) -> None:
    with pytest.raises(UnsignedError):
        need_slack(body, HEADERS | headers, secret, NOW + timedelta(seconds=late))


def test_teams_signs_the_body_with_its_token() -> None:
    key = base64.b64encode(b"k" * 32).decode()
    mac = base64.b64encode(hmac.new(b"k" * 32, b"{}", hashlib.sha256).digest()).decode()
    need_teams(b"{}", {"authorization": f"HMAC {mac}"}, key)
    for header, token in (
        (f"HMAC {mac}", base64.b64encode(b"x" * 32).decode()),
        (f"Bearer {mac}", key),
        ("", key),
        (f"HMAC {mac}", "no base64!"),
        (f"HMAC {mac}", ""),
    ):
        with pytest.raises(UnsignedError):
            need_teams(b"{}", {"authorization": header}, token)
    with pytest.raises(UnsignedError):
        need_teams(b"{ }", {"authorization": f"HMAC {mac}"}, key)


@pytest.mark.parametrize("said", ["", "soon", "2018-07-12T18:36:58", "2018-07-12T18:50:00Z"])
def test_a_time_that_was_signed_has_to_be_now(said: str) -> None:
    need_now(NOW.isoformat(), NOW)
    with pytest.raises(UnsignedError):
        need_now(said, NOW)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("write the report", Ask("write the report")),
        ("ask clerk@1.0 file it", Ask("file it", "clerk@1.0")),
        (f"status run_{RUN.upper()}", Look(RUN)),
        (f"approve {RUN}.2 0011aabb", Decide(RUN, f"{RUN}.2", "0011aabb", approves=True)),
        (
            f"deny {RUN}.2 0011AABB too dear",
            Decide(RUN, f"{RUN}.2", "0011aabb", approves=False, reason="too dear"),
        ),
        (
            f"answer {RUN}.2 0011aabb the blue one",
            Reply(RUN, f"{RUN}.2", "0011aabb", "the blue one"),
        ),
        (f"tell {RUN} hurry", Tell(RUN, "hurry")),
    ],
)
def test_what_is_typed_is_understood(text: str, intent: Intent) -> None:
    assert typed(text) == intent


@pytest.mark.parametrize(
    "text",
    ["", "help", "status", "status 12", "approve", "approve it", f"approve {RUN}.2",
     f"approve {RUN} 0011aabb", f"approve {RUN}.2 yes", f"approve {RUN}.2 0011", "tell 12 x",
     f"tell {RUN}", "ask", "ask clerk", f"answer {RUN}.2 0011aabb"],
)  # fmt: skip
def test_what_is_half_typed_does_nothing(text: str) -> None:
    assert isinstance(typed(text), Unclear)


def test_a_directory_is_read(tmp_path: Path) -> None:
    file = tmp_path / "channels.yaml"
    file.write_text(
        "pages: https://runs.example\n"
        "slack:\n"
        "  - {team: T1, secret: s, tenant: acme, agent: clerk, users: {U1: {user: ann}}}\n"
    )
    found = read_directory(file)
    (place,) = found.of("slack", "T1")
    assert place.users["U1"].scopes == ("runs:read", "runs:write")
    assert (found.of("slack", ""), found.of("slack", "T2"), found.of("mail", "T1")) == ((), (), ())
    assert read_directory(None) == Directory()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("slack: [{team: T1}]", "slack.0.secret"),
        ("slak: []", "slak"),
        ("slack: {", "not readable YAML"),
        ("pages: ftp://x", "pages"),
        ("pages: https://x.example/", "pages"),
        ("slack:\n  - {team: '', secret: s, tenant: a, agent: b}", "slack.0.team"),
    ],
)
def test_a_directory_that_cannot_be_meant_is_refused_with_its_place(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "channels.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match="RUNFOLD_CHANNELS_FILE") as refused:
        read_directory(file)
    assert says in str(refused.value)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_directory(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_directory(tmp_path / "binary.yaml")
