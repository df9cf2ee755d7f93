"""Slack and Teams at the gateway: who is let in, what they get done, and what they do not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import psycopg
import pytest

from runfold.events import run as j
from runfold.events import topics
from runfold.events.records import commands
from runfold.infra.database import reads
from runfold.infra.gateway.asked import MemoryAskedStore
from runfold.infra.secrets.memory import MemorySecrets
from runfold.producers.errors import UnavailableError
from runfold.surfaces.application.runs.asking.once import Once
from runfold.surfaces.channels.actions import APPROVE, Action
from runfold.surfaces.channels.inbound.directory import Directory
from runfold.surfaces.channels.links import Links
from runfold.surfaces.http.channels.wiring import Channels
from tests.deciders.given import RUN, TENANT
from tests.deciders.given import request as asked
from tests.http.serving import Served, serving
from tests.support.builders.stories import ASKS, WRITES
from tests.support.stack import wait_until
from tests.surfaces.answering import answering

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TEAMS_KEY = base64.b64encode(b"t" * 32).decode()
LINK_KEY = "l" * 40
CALL = f"{RUN}.2"
DIRECTORY = Directory.model_validate(
    {
        "pages": "https://runs.example",
        "link_key": "links",
        "slack": [
            {
                "team": "T1",
                "secret": "slack",
                "tenant": TENANT,
                "agent": "worker",
                "users": {
                    "U1": {"user": "ann", "scopes": ["runs:read", "runs:write", "runs:decide"]},
                    "U2": {"user": "bob"},
                    "U3": {"user": "cay", "scopes": ["runs:write", "runs:decide"]},
                },
            },
            {
                "team": "T2",
                "secret": "other",
                "tenant": "umbrella",
                "agent": "worker",
                "users": {"U1": {"user": "eve", "scopes": ["*"]}},
            },
        ],
        "teams": [
            {
                "team": "azure-1",
                "secret": "teams",
                "tenant": TENANT,
                "agent": "worker",
                "users": {"aad-1": {"user": "ann", "scopes": ["*"]}},
            }
        ],
    }
)
SECRETS = {"slack": SECRET, "other": "o" * 32, "teams": TEAMS_KEY, "links": LINK_KEY}


class Posted:
    """Where messages are shown anew."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, address: str, message: bytes) -> None:
        self.messages.append((address, json.loads(message)))


@pytest.fixture
def posted() -> Posted:
    return Posted()


@pytest.fixture
def served(posted: Posted) -> Iterator[Served]:
    channels = Channels(DIRECTORY, MemorySecrets(SECRETS), post=posted)
    with serving(answering(asked(), WRITES), channels=channels) as found:
        yield found


def slack(
    served: Served, secret: str = SECRET, at: float | None = None, **fields: str
) -> httpx.Response:
    body = urlencode(fields).encode()
    return signed(served, body, secret, at)


def signed(
    served: Served, body: bytes, secret: str = SECRET, at: float | None = None
) -> httpx.Response:
    moment = str(int(time.time() if at is None else at))
    mac = hmac.new(secret.encode(), f"v0:{moment}:".encode() + body, hashlib.sha256)
    return served.stranger().post(
        "/channels/slack",
        content=body,
        headers={
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": moment,
            "x-slack-signature": f"v0={mac.hexdigest()}",
        },
    )


def command(served: Served, text: str, user: str = "U1", once: str = "", **more: Any) -> Any:
    said = {
        "command": "/runfold",
        "text": text,
        "team_id": more.pop("team", "T1"),
        "user_id": user,
        "channel_id": "C1",
        "trigger_id": once or f"{text}.{time.monotonic_ns()}",
    }
    return slack(served, **more, **said)


def press(served: Served, action: str, user: str = "U1", **more: Any) -> httpx.Response:
    payload = {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": user},
        "channel": {"id": "C1"},
        "container": {"thread_ts": "17.1"},
        "trigger_id": str(time.monotonic_ns()),
        "response_url": "https://hooks.slack.com/actions/T1/1/x",
        "actions": [{"value": action}],
    }
    return slack(served, payload=json.dumps(payload | more))


def digest_of(served: Served) -> str:
    found = served.client().get(f"/runs/{RUN}").json()["waits_for"][0]["shown_digest"]
    return str(found)


def controls(served: Served) -> list[Any]:
    return [each.record for each in served.log.read(topics.CONTROLS)]


def requests(served: Served) -> list[Any]:
    return [each.record for each in served.log.read(topics.REQUESTS)]


def facts(served: Served) -> list[Any]:
    return [each.record.fact for each in served.log.read(topics.EVENTS)]  # type: ignore[union-attr]


def test_a_slash_command_asks_for_one_run_in_the_persons_name(served: Served) -> None:
    for at in range(3):
        # Sent again by Slack it is signed anew, at another moment.
        answer = command(served, "assess <Acme>", once="17.42", at=time.time() - 10 * at)
        assert answer.status_code == 200
        assert answer.json()["response_type"] == "ephemeral"
        assert "&lt;Acme&gt;" in answer.json()["text"]
    (found,) = {each.run_id: each for each in requests(served)}.values()
    assert (found.tenant_id, found.user_id, found.agent) == (TENANT, "ann", "worker")
    assert (found.source, found.response_profile) == ("slack", "slack")
    assert found.thread_id == "slack/T1/C1"
    assert {each.key: each.value for each in found.labels} == {
        "channel": "slack",
        "place": "C1",
        "team": "T1",
    }
    created = [each for each in facts(served) if isinstance(each, j.RunCreated)]
    (own,) = [each for each in created if each.request.run_id == found.run_id]
    assert own.profile is not None
    assert own.profile.name == "slack"


@pytest.mark.parametrize(
    ("changes", "headers"),
    [
        ({"secret": "x" * 32}, {}),
        ({"secret": "o" * 32}, {}),
        ({"at": time.time() - 301}, {}),
        ({"at": time.time() + 86_400}, {}),
        ({"team": "T9"}, {}),
        ({"team": ""}, {}),
        ({"team": "T2"}, {}),
    ],
)
def test_who_is_vouched_for_by_nobody_gets_one_answer(
    served: Served, changes: dict[str, Any], headers: dict[str, str]
) -> None:
    answer = command(served, "do it", **changes)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unsigned"
    assert requests(served) == []


def test_a_body_that_was_changed_on_its_way_is_refused(served: Served) -> None:
    moment = str(int(time.time()))
    body = urlencode({"command": "/r", "text": "a", "team_id": "T1", "user_id": "U1"}).encode()
    mac = hmac.new(SECRET.encode(), f"v0:{moment}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": moment, "x-slack-signature": f"v0={mac}"}
    for other in (body + b"&x=1", body.replace(b"text=a", b"text=b"), b""):
        answer = served.stranger().post("/channels/slack", content=other, headers=headers)
        assert answer.status_code == 401
    assert served.stranger().post("/channels/slack", content=body).status_code == 401
    odd: list[tuple[bytes, bytes]] = [
        (b"x-slack-request-timestamp", moment.encode()),
        (b"x-slack-signature", b"v0=\xff\xfe"),
    ]
    assert served.stranger().post("/channels/slack", content=body, headers=odd).status_code == 401


def test_somebody_unknown_gets_nothing_done(served: Served) -> None:
    for text in ("do it", f"status {RUN}", f"approve {CALL} {digest_of(served)}"):
        answer = command(served, text, user="U9")
        assert "not known here" in answer.json()["text"]
        assert "blocks" not in answer.json()
    assert (requests(served), controls(served)) == ([], [])


def test_a_person_does_what_the_directory_lets_them(served: Served) -> None:
    answer = press(served, str(Action(APPROVE, RUN, CALL, digest_of(served))), user="U2")
    assert "needs runs:decide" in answer.json()["text"]
    assert controls(served) == []
    shown = command(served, f"status {RUN}", user="U2").json()
    assert shown["blocks"][0]["text"]["text"] == "find out"


def test_who_may_not_read_is_shown_nothing_of_a_run(served: Served) -> None:
    for answer in (
        press(served, str(Action(APPROVE, RUN, CALL, "0" * 64)), user="U3"),
        command(served, f"approve {CALL} {'0' * 12}", user="U3"),
        command(served, f"tell {RUN} hurry", user="U3"),
        press(served, str(Action(APPROVE, RUN, CALL, digest_of(served))), user="U3"),
    ):
        assert answer.json()["text"]
        assert "blocks" not in answer.json()
    assert any(isinstance(each, j.ToolCallApproved) for each in facts(served))


def test_a_button_approves_what_was_shown_and_the_message_is_shown_anew(
    served: Served, posted: Posted
) -> None:
    shown = command(served, f"status {RUN}").json()
    (actions,) = [each for each in shown["blocks"] if each["type"] == "actions"]
    value = actions["elements"][0]["value"]
    answer = press(served, value)
    assert answer.status_code == 200, answer.text
    (control,) = controls(served)
    assert isinstance(control, commands.ApproveToolCall)
    assert any(isinstance(each, j.ToolCallApproved) for each in facts(served))
    assert answer.json()["replace_original"] is True
    assert not [each for each in answer.json()["blocks"] if each["type"] == "actions"]
    # It is posted beside the answer, which does not wait for it.
    wait_until(lambda: posted.messages != [], 30)
    assert posted.messages == [("https://hooks.slack.com/actions/T1/1/x", answer.json())]


@pytest.mark.parametrize("digest", ["0" * 64, "", "abc"])
def test_what_was_not_shown_is_not_decided_and_is_shown_again(served: Served, digest: str) -> None:
    answer = press(served, str(Action(APPROVE, RUN, CALL, digest)))
    assert controls(served) == []
    assert "nothing was decided" in answer.json()["blocks"][0]["text"]["text"]
    assert [each for each in answer.json()["blocks"] if each["type"] == "actions"]


def test_a_button_that_is_pressed_twice_decides_once(served: Served) -> None:
    action = str(Action(APPROVE, RUN, CALL, digest_of(served)))
    press(served, action)
    again = press(served, action)
    assert "nothing was decided" in again.json()["blocks"][0]["text"]["text"]
    assert len(controls(served)) == 1


def test_a_request_that_is_sent_again_does_nothing_more(served: Served) -> None:
    fields = {"command": "/r", "team_id": "T1", "user_id": "U1", "trigger_id": "1"}
    fields["text"] = f"tell {RUN} hello"
    now = time.time()
    slack(served, at=now, **fields)
    again = slack(served, at=now, **fields)
    assert "taken before" in again.json()["text"]
    assert len(controls(served)) == 1


@contextmanager
def two_gateways(posted: Posted) -> Iterator[tuple[Served, Served]]:
    """Two gateways of one deployment, that share what Postgres would hold."""
    once, log = Once(MemoryAskedStore()), answering(asked(), WRITES)
    made = [Channels(DIRECTORY, MemorySecrets(SECRETS), post=posted) for _ in range(2)]
    with (
        serving(log, channels=made[0], once=once) as one,
        serving(log, channels=made[1], once=once) as other,
    ):
        yield one, other


def test_a_captured_request_of_slack_shows_nothing_at_any_gateway(posted: Posted) -> None:
    with two_gateways(posted) as (one, other):
        digest = digest_of(one)
        fields = {"command": "/r", "team_id": "T1", "user_id": "U1", "trigger_id": "1"}
        payload = {
            "type": "block_actions",
            "team": {"id": "T1"},
            "user": {"id": "U1"},
            "response_url": "https://hooks.slack.com/actions/T1/1/x",
            "actions": [{"value": str(Action(APPROVE, RUN, CALL, digest))}],
        }
        now = time.time()
        for captured in (
            {**fields, "text": f"status {RUN}"},
            {**fields, "text": f"approve {CALL} {'0' * 12}"},
            {"payload": json.dumps(payload)},
        ):
            shown = slack(one, at=now, **captured)
            assert "find out" in shown.text
            for gateway in (one, other):
                again = slack(gateway, at=now, **captured)
                assert again.status_code == 200
                assert "taken before" in again.json()["text"]
                assert "blocks" not in again.json()
                assert "find out" not in again.text
        wait_until(lambda: posted.messages != [], 30)
        assert len(posted.messages) == 1
        assert len(controls(one)) == 1
        goal = {**fields, "text": "assess Acme in secret"}
        slack(one, at=now, **goal)
        again = slack(other, at=now, **goal)
        assert "secret" not in again.text
        assert len({each.run_id for each in requests(one)}) == 1


def test_a_captured_request_of_teams_shows_nothing_however_it_is_written(posted: Posted) -> None:
    with two_gateways(posted) as (one, other):
        fresh = teams(one, f"status {RUN}")
        assert "find out" in fresh.text
        captured = fresh.request
        mac = captured.headers["authorization"].partition(" ")[2]
        for said in (f"HMAC {mac}", f"hmac   {mac}"):
            headers = {"content-type": "application/json", "authorization": said}
            again = other.stranger().post(
                "/channels/teams", content=captured.content, headers=headers
            )
            assert again.status_code == 200
            assert "taken before" in again.json()["text"]
            assert "find out" not in again.text


def test_where_nobody_can_know_whether_it_came_before_nothing_is_done(served: Served) -> None:
    class Away(MemoryAskedStore):
        def begin(self, *_: Any) -> Any:
            raise psycopg.OperationalError("the server is away")

    channels = served.gateway.channels
    with serving(served.log, channels=channels, once=Once(Away())) as gateway:
        for text in (f"status {RUN}", f"tell {RUN} hello", "do it"):
            answer = command(gateway, text)
            assert answer.status_code == 200
            assert "blocks" not in answer.json()
            assert "Postgres" in answer.json()["text"]
    assert (controls(served), requests(served)) == ([], [])


class Reads:
    """Reads that must be on record, and can be so often."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        monkeypatch.setattr(reads, "record", self._record)

    def _record(self, *_: object) -> None:
        self.left -= 1
        if self.left < 0:
            raise psycopg.OperationalError("the server is away")


def test_what_was_told_stands_where_the_run_cannot_be_shown_after_it(
    posted: Posted, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Reads(monkeypatch)
    channels = Channels(DIRECTORY, MemorySecrets(SECRETS), post=posted)
    log = answering(asked(), WRITES)
    with serving(log, channels=channels, reads="require") as served:
        said = command(served, f"tell {RUN} hello").json()
        assert "That stands. The run cannot be shown now" in said["text"]
        assert len(controls(served)) == 1
        # A decision reads what waits before it is made: without a record nothing is done.
        record.left = 1
        digest = digest_of(served)
        none = press(served, str(Action(APPROVE, RUN, CALL, digest))).json()
        assert "Nothing is read without a record" in none["text"]
        assert "stands" not in none["text"]
        record.left = 1
        done = press(served, str(Action(APPROVE, RUN, CALL, digest))).json()
        assert "That stands. The run cannot be shown now" in done["text"]
        assert done["replace_original"] is False
        assert len(controls(served)) == 2
        # Slack shows what is posted, and not what is answered to a press.
        wait_until(lambda: len(posted.messages) == 2, 30)
        assert [message for _, message in posted.messages] == [none, done]


def test_what_was_told_stands_where_it_cannot_be_rendered(posted: Posted) -> None:
    def away() -> Any:
        raise UnavailableError("Kafka does not answer.")

    channels = Channels(DIRECTORY, MemorySecrets(SECRETS), post=posted)
    log = answering(asked(), WRITES)
    with serving(log, channels=channels, definitions=away) as served:
        for answer in (
            command(served, f"tell {RUN} hello"),
            press(served, str(Action(APPROVE, RUN, CALL, digest_of(served)))),
            teams(served, f"tell {RUN} hello"),
        ):
            assert answer.status_code == 200
            assert "stands. The run cannot be shown now" in answer.json()["text"]
            assert "Kafka does not answer" in answer.json()["text"]
        assert len(controls(served)) == 3
        only = command(served, f"status {RUN}").json()
        assert only["text"].startswith("The run cannot be shown now")


def test_another_tenants_run_is_not_there(served: Served) -> None:
    answer = command(served, f"status {RUN}", team="T2", secret="o" * 32)
    assert "blocks" not in answer.json()
    assert RUN in answer.json()["text"]
    assert "find out" not in answer.text


@pytest.mark.parametrize(
    "payload",
    ["", "[]", "{", '{"type":"block_actions"}', '{"team":{"id":["T1"]}}', "[" * 100_000],
)
def test_odd_payloads_are_nobodys(served: Served, payload: str) -> None:
    assert slack(served, payload=payload).status_code == 401


def test_nothing_is_posted_to_an_address_that_is_not_slacks(served: Served, posted: Posted) -> None:
    for address in ("http://127.0.0.1/", "https://hooks.slack.com.evil.example/", "x" * 9_000):
        press(served, "rf1:deny:x", response_url=address)
    assert posted.messages == []


def teams(
    served: Served, text: str, key: str = TEAMS_KEY, sender: str = "aad-1", **more: Any
) -> httpx.Response:
    said = {
        "type": "message",
        "id": str(time.monotonic_ns()),
        "timestamp": datetime.now(UTC).isoformat(),
        "from": {"aadObjectId": sender},
        "channelData": {"tenant": {"id": "azure-1"}, "channel": {"id": "19:x"}},
        "conversation": {"id": "19:x;messageid=1"},
        "text": f"<at>Runfold</at> {text}",
    }
    body = json.dumps(said | more).encode()
    mac = hmac.new(base64.b64decode(key), body, hashlib.sha256).digest()
    return served.stranger().post(
        "/channels/teams",
        content=body,
        headers={
            "content-type": "application/json",
            "authorization": f"HMAC {base64.b64encode(mac).decode()}",
        },
    )


def test_teams_asks_for_runs_and_decides_by_typed_words(served: Served) -> None:
    answer = teams(served, "assess *Acme*")
    assert answer.status_code == 200
    assert "\\*Acme\\*" in answer.json()["text"]
    assert [each.source for each in requests(served)] == ["teams"]
    shown = teams(served, f"status {RUN}").text
    digest = digest_of(served)
    assert f"approve {CALL} {digest[:12]}" in shown
    teams(served, f"approve {CALL} 000000000000")
    assert controls(served) == []
    teams(served, f"approve {CALL} {digest[:12]}")
    assert len(controls(served)) == 1


def test_teams_is_held_against_its_key_and_the_time_it_signed(served: Served) -> None:
    other = base64.b64encode(b"u" * 32).decode()
    assert teams(served, "x", key=other).status_code == 401
    old = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
    assert teams(served, "x", timestamp=old).status_code == 401
    assert teams(served, "x", timestamp="soon").status_code == 401
    assert teams(served, "x", channelData={}).status_code == 401
    unknown = teams(served, "x", sender="aad-9")
    assert "not known here" in unknown.json()["text"]
    assert requests(served) == []


def test_a_link_decides_for_its_person_alone_and_once(served: Served) -> None:
    links = Links("https://x", LINK_KEY.encode(), TENANT, "ada", datetime(2100, 1, 1, tzinfo=UTC))
    token = links.token(Action(APPROVE, RUN, CALL, digest_of(served)))
    other = served.client(user="mallory").post("/channels/decide", json={"token": token})
    assert (other.status_code, other.json()["code"]) == (403, "other_tenant")
    changed = served.client().post("/channels/decide", json={"token": f"{token}x"})
    assert (changed.status_code, changed.json()["code"]) == (422, "invalid")
    late = replace(links, until=datetime(2020, 1, 1, tzinfo=UTC))
    stale = late.token(Action(APPROVE, RUN, CALL, digest_of(served)))
    assert served.client().post("/channels/decide", json={"token": stale}).status_code == 422
    assert controls(served) == []
    done = served.client().post("/channels/decide", json={"token": token})
    assert done.status_code == 200, done.text
    again = served.client().post("/channels/decide", json={"token": token})
    assert "nothing was decided" in again.json()["body"]
    assert len(controls(served)) == 1


def test_a_run_is_rendered_for_any_channel(served: Served) -> None:
    client = served.client()
    made = client.get(f"/runs/run_{RUN}/render", params={"channel": "slack", "profile": "mobile"})
    assert made.status_code == 200, made.text
    assert made.json()["body"]["blocks"]
    voice = client.get(f"/runs/{RUN}/render", params={"channel": "voice", "seen": 3}).json()
    assert voice["body"]["text"].startswith("Already said")
    assert (voice["seen"], voice["seq"]) == (3, 10)
    mail = client.get(f"/runs/{RUN}/render", params={"channel": "email"}).json()
    assert "https://runs.example/decide?token" in mail["body"].replace("=\r\n", "").replace(
        "=3D", "="
    ).replace("?token=", "?token")
    for wrong in ({"channel": "slak"}, {"profile": "loud"}, {"seen": "-1"}):
        answer = client.get(f"/runs/{RUN}/render", params=wrong)
        assert answer.status_code in {400, 404, 422}, answer.text
    assert client.get(f"/runs/{RUN[:-1]}9/render").status_code == 404


def test_a_question_is_answered_by_a_button_with_its_words(posted: Posted) -> None:
    channels = Channels(DIRECTORY, MemorySecrets(SECRETS), post=posted)
    with serving(answering(asked(), ASKS), channels=channels) as served:
        digest = digest_of(served)
        command(served, f"answer {CALL} {digest[:12]} the blue one")
        (control,) = controls(served)
        assert isinstance(control, commands.AnswerQuestion)
        assert control.content.inline == b"the blue one"
