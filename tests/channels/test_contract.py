"""What holds for every adapter: it escapes, keeps within its sizes, and reads what it offered."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from email import message_from_string
from email.policy import default
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runfold.events.contents.content import content
from runfold.events.definitions.agents.built_in_profiles import for_channel
from runfold.events.values import ProposedCall
from runfold.surfaces.channels.actions import ANSWER, APPROVE, DENY, decides
from runfold.surfaces.channels.adapters.mobile import MOST_BYTES
from runfold.surfaces.channels.adapters.slack import MOST_BLOCKS, MOST_TEXT
from runfold.surfaces.channels.adapters.teams import MOST_BYTES as MOST_OF_TEAMS
from runfold.surfaces.channels.composing.capabilities import CAPABILITIES
from runfold.surfaces.channels.document import Approval, Question
from runfold.surfaces.channels.inbound.intents import Decide, Inbound, Reply, Unclear
from runfold.surfaces.channels.port import Payload
from runfold.surfaces.channels.rendering import adapter_of, document_of, rendered
from tests.channels.given import ASKED, ASKS, STATES, WAITS, WIRING, hostile, picture
from tests.deciders.given import answer

CHANNELS = sorted(CAPABILITIES)
HOSTILE = (
    "<!channel> <@U1> <https://evil.example|Approve> &lt; <script>alert(1)</script>\r\n"
    "Bcc: all@acme.example\n\u202etxt.exe \x1b[2J </s></speak><audio src='x'/> "
    "<at>Everyone</at> [click](https://evil.example) " + '"><img src=x onerror=alert(1)> '
)


def shown(channel: str, steps: Any) -> Payload:
    return rendered(picture(steps), channel, for_channel(channel), wiring=WIRING)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def need_harmless_html(text: str) -> None:
    found = _Tags()
    found.feed(text)
    assert not found.tags & {"script", "img", "audio", "at", "iframe", "s", "speak"}
    assert not any(each.startswith("on") for each in found.attributes)


def texts_in(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        return [each for held in tree.values() for each in texts_in(held)]
    if isinstance(tree, list):
        return [each for held in tree for each in texts_in(held)]
    return [tree] if isinstance(tree, str) else []


def need_harmless(channel: str, made: Payload) -> None:
    """Hold a payload against what its channel would make of it."""
    made.body.encode()
    match channel:
        case "web":
            need_harmless_html(made.body)
        case "slack":
            message = json.loads(made.body)
            _need_slack(message)
        case "voice":
            said = json.loads(made.body)
            assert {each.tag for each in ET.fromstring(said["ssml"]).iter()} <= {"speak", "p", "s"}
        case "email":
            message = message_from_string(made.body, policy=default)
            assert message["Bcc"] is None
            assert message["To"] == "ann@runs.example"
            assert len(message.get_all("Subject", [])) == 1
            html = message.get_body(("html",))  # type: ignore[attr-defined]
            need_harmless_html(html.get_content())
        case "mobile":
            assert len(made.body.encode()) <= MOST_BYTES
        case "teams":
            assert len(made.body.encode()) <= MOST_OF_TEAMS + 8_000
            assert '"TextBlock"' not in made.body
        case "cli":
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", made.body)
        case _:
            json.loads(made.body)


def _need_slack(message: dict[str, Any]) -> None:
    assert len(message["blocks"]) <= MOST_BLOCKS
    assert message["parse"] == "none"
    allowed = re.compile(r"<https://runs\.example/[^|<>]*\|file \d+>")
    for block in message["blocks"]:
        texts = [block["text"]] if "text" in block else block.get("elements", [])
        for text in texts:
            if text["type"] == "mrkdwn":
                assert len(text["text"]) <= MOST_TEXT
                assert "<" not in allowed.sub("", text["text"])
                assert text["verbatim"] is True
            elif text["type"] == "plain_text":
                assert 0 < len(text["text"]) <= 150
            else:
                assert len(text["text"]["text"]) <= 75
                assert len(text["value"]) <= 2_000
    assert "<" not in message["text"]
    ids = [
        e["action_id"] for b in message["blocks"] if b["type"] == "actions" for e in b["elements"]
    ]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("state", ["finished", "approval", "question"])
@pytest.mark.parametrize("channel", CHANNELS)
def test_nothing_that_anybody_said_is_markup(channel: str, state: str) -> None:
    need_harmless(channel, shown(channel, hostile(HOSTILE)[state]))
    need_harmless(channel, shown(channel, hostile(HOSTILE * 200)[state]))


@settings(max_examples=25, deadline=None)
@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=400),
    st.sampled_from(["finished", "approval", "question"]),
)
def test_no_text_at_all_breaks_a_channel(said: str, state: str) -> None:
    seen = picture(hostile(said)[state])
    for channel in CHANNELS:
        need_harmless(channel, rendered(seen, channel, for_channel(channel), wiring=WIRING))


@pytest.mark.parametrize("channel", CHANNELS)
def test_halves_of_characters_break_no_channel(channel: str) -> None:
    broken = ProposedCall(
        id="c1",
        name="write",
        arguments=content(b'{"path": "a\\ud800b", "\\ud800": 1}', "application/json"),
    )
    need_harmless(channel, shown(channel, (ASKED, answer(broken))))


def sent_back(channel: str, action: str, text: str) -> Inbound | None:
    """Return an action as its channel would send it; None where it has another way."""
    fields: dict[str, str] = {"action": action, "text": text}
    match channel:
        case "api" | "mobile" | "desktop":
            return Inbound(json.dumps(fields).encode())
        case "web":
            return Inbound(urlencode(fields).encode())
        case "slack":
            payload = {
                "type": "block_actions",
                "team": {"id": "T1"},
                "user": {"id": "U1"},
                "actions": [{"value": action}],
            }
            return Inbound(urlencode({"payload": json.dumps(payload)}).encode())
        case "voice":
            kind = action.split(":")[1]
            asked = "question" if kind == ANSWER else "approval"
            heard = {APPROVE: "Yes, please.", DENY: "no", ANSWER: "2026"}[kind]
            said = {"transcript": heard, "expects": {"kind": asked, kind: action}}
            return Inbound(json.dumps(said).encode())
        case _:
            return None


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_was_offered_is_read_as_it_was_meant(channel: str) -> None:
    document = document_of(picture(WAITS), channel, for_channel(channel))
    (block,) = document.of(Approval)
    assert isinstance(block, Approval)
    for kind, approves in ((APPROVE, True), (DENY, False)):
        back = sent_back(channel, str(decides(kind, block)), "")
        if back is None:
            continue
        intent = adapter_of(channel, WIRING).read(back).intent
        assert isinstance(intent, Decide)
        assert (intent.call_id, intent.digest) == (block.call_id, block.digest)
        assert intent.approves is approves
    (question,) = document_of(picture(ASKS), channel, for_channel(channel)).of(Question)
    assert isinstance(question, Question)
    back = sent_back(channel, str(decides(ANSWER, question)), "2026")
    if back is not None and channel != "slack":
        intent = adapter_of(channel, WIRING).read(back).intent
        assert isinstance(intent, Reply)
        assert (intent.call_id, intent.digest, intent.text) == (
            question.call_id,
            question.digest,
            "2026",
        )


@pytest.mark.parametrize("channel", ["cli", "slack", "teams"])
def test_what_is_typed_names_the_digest_that_was_shown(channel: str) -> None:
    document = document_of(picture(WAITS), channel, for_channel(channel))
    (block,) = document.of(Approval)
    assert isinstance(block, Approval)
    text = f"approve {block.call_id} {block.digest[:12]}"
    body = {
        "cli": text.encode(),
        "slack": urlencode({"command": "/runfold", "text": text}).encode(),
        "teams": json.dumps({"type": "message", "text": f"<at>R</at> {text}"}).encode(),
    }
    intent = adapter_of(channel).read(Inbound(body[channel])).intent
    assert intent == Decide(block.run_id, block.call_id, block.digest[:12], approves=True)
    short = {name: each.replace(block.digest[:12].encode(), b"") for name, each in body.items()}
    assert isinstance(adapter_of(channel).read(Inbound(short[channel])).intent, Unclear)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_at_all_break_a_reader(body: bytes) -> None:
    for channel in CHANNELS:
        adapter_of(channel, WIRING).read(Inbound(body))


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b'{"action": 7}', b'{"action": "rf1:approve:x"}', b"payload=",
        b"payload=[]", b'payload={"actions":[{"value":{}}]}', b"[" * 100_000, b"\xff\xfe",
        b'{"transcript": "yes", "expects": {"kind": "approval", "approve": ["rf1"]}}',
        b"a=b&" * 1000, b'{"type":"message","text":5}', b"Content-Type: multipart/mixed\n\nx",
    ],
)  # fmt: skip
def test_what_cannot_be_understood_decides_nothing(channel: str, body: bytes) -> None:
    intent = adapter_of(channel, WIRING).read(Inbound(body)).intent
    assert not isinstance(intent, Decide | Reply)


@pytest.mark.parametrize("state", sorted(STATES))
def test_every_adapter_says_which_run_and_up_to_where(state: str) -> None:
    seen = picture(STATES[state])
    for channel in ("api", "mobile", "voice", "desktop"):
        made = json.loads(shown(channel, STATES[state]).body)
        card = made.get("card", made)
        assert (card["run_id"], card["seq"]) == (seen.detail.run_id, seen.detail.seq)
