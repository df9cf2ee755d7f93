"""The forms of web push: the example of RFC 8291, keys, cards within their size, liars."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from typing import Any

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from runfold.events.definitions import Subscriber
from runfold.infra.http.outgoing import Answer, NoAnswerError
from runfold.infra.http.push.encryption import MOST_BODY, MOST_TEXT, encrypted, raw_of
from runfold.infra.http.push.target import Target, WrongTargetError
from runfold.infra.http.push.vapid import PushKey, PushKeyError, padded_off, unpadded
from runfold.infra.http.rules import OutgoingRules
from runfold.infra.secrets.memory import MemorySecrets
from runfold.processors.delivery.notifications.store import Claimed
from runfold.processors.delivery.push import attempts, browsers
from runfold.processors.delivery.push.answers import judged
from runfold.processors.delivery.push.attempts import Tried
from runfold.processors.delivery.push.browsers import Browser
from runfold.processors.delivery.push.card import card_of, headers_of
from runfold.processors.delivery.push.sender import Pusher
from runfold.processors.delivery.push.settings import PushSettings
from runfold.processors.delivery.webhooks.keys import Secrets
from tests.delivery.browsers import CURVE, OneBrowser

# RFC 8291, section 5 and appendix A.
PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
BROWSER = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tl"
    "zAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-"
    "fN"
)


def test_the_example_of_the_rfc_is_made_to_the_byte() -> None:
    own = ec.derive_private_key(int.from_bytes(unpadded(PRIVATE), "big"), CURVE)
    text = b"When I grow up, I want to be a watermelon"
    made = encrypted(text, unpadded(BROWSER), unpadded(AUTH), own=own, salt=unpadded(SALT))
    assert padded_off(made) == BODY


@pytest.mark.parametrize("size", [0, 1, 3_000, MOST_TEXT])
def test_a_foreign_library_reads_what_is_encrypted(size: int) -> None:
    browser, text = OneBrowser("/x"), os.urandom(size)
    made = encrypted(text, browser.p256dh, browser.auth)
    assert len(made) == MOST_BODY - MOST_TEXT + size <= MOST_BODY
    read = http_ece.decrypt(
        made, private_key=browser.private, auth_secret=browser.auth, version="aes128gcm"
    )
    assert read == text
    assert encrypted(text, browser.p256dh, browser.auth) != made


def test_what_is_too_long_is_not_encrypted() -> None:
    browser = OneBrowser("/x")
    with pytest.raises(ValueError, match="more than"):
        encrypted(b"x" * (MOST_TEXT + 1), browser.p256dh, browser.auth)


def test_a_key_pair_is_kept_as_one_line_and_says_nothing_of_itself() -> None:
    made = PushKey.new()
    assert PushKey.read(f" {made.secret()}=\n").public == made.public
    assert made.secret() not in repr(made)
    assert raw_of(made.private.public_key())[:1] == b"\x04"


@pytest.mark.parametrize("text", ["", "x", "whsec_AAAA", "A" * 43, "A" * 42, "é" * 43, "/" * 43])
def test_what_is_no_private_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(PushKeyError) as refused:
        PushKey.read(text)
    assert "runfold push key" in str(refused.value)
    assert refused.value.__cause__ is None
    if len(text) > 1:
        assert text not in str(refused.value)


@pytest.mark.parametrize(
    ("endpoint", "origin"),
    [
        ("https://push.example.com/a?b#c", "https://push.example.com"),
        ("https://PUSH.example.com:443/a", "https://push.example.com"),
        ("https://push.example.com:8443/a", "https://push.example.com:8443"),
    ],
)
def test_the_token_is_for_the_origin_of_the_endpoint(endpoint: str, origin: str) -> None:
    said = PushKey.new().authorization(endpoint, "mailto:a@example.com", 1_000_000.0)
    token = said.removeprefix("vapid t=").partition(",")[0]
    claims = json.loads(unpadded(token.split(".")[1]))
    assert claims == {"aud": origin, "exp": 1_000_000 + 12 * 3600, "sub": "mailto:a@example.com"}


KEYS = OneBrowser("/x")
GOOD = {
    "endpoint": "https://push.example.com/x",
    "p256dh": padded_off(KEYS.p256dh),
    "auth": padded_off(KEYS.auth),
}


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"endpoint": "http://push.example.com/x"}, "/endpoint"),
        ({"endpoint": "https://127.0.0.1/x"}, "/endpoint"),
        ({"endpoint": "https://[::ffff:169.254.169.254]/latest"}, "/endpoint"),
        ({"endpoint": "https://2130706433/x"}, "/endpoint"),
        ({"endpoint": "https://0x7f000001/x"}, "/endpoint"),
        ({"endpoint": "https://ada:word@push.example.com/x"}, "/endpoint"),
        ({"endpoint": "https://push.example.com:22/x"}, "/endpoint"),
        ({"endpoint": "https://push.example.com/\r\nx-other: 1"}, "/endpoint"),
        ({"endpoint": "https://push.example.com/ü"}, "/endpoint"),
        ({"endpoint": "https://"}, "/endpoint"),
        ({"endpoint": "file:///etc/passwd"}, "/endpoint"),
        ({"endpoint": "https://push.example.com/" + "x" * 2000}, "/endpoint"),
        # Not on the curve: a key could be learned from what is derived of it.
        ({"p256dh": padded_off(b"\x04" + b"\x01" * 64)}, "/keys/p256dh"),
        ({"p256dh": padded_off(b"\x04" + b"\x00" * 64)}, "/keys/p256dh"),
        ({"p256dh": padded_off(b"\x00")}, "/keys/p256dh"),
        ({"p256dh": padded_off(b"\x02" + KEYS.p256dh[1:33])}, "/keys/p256dh"),
        ({"p256dh": "!" * 87}, "/keys/p256dh"),
        ({"p256dh": ""}, "/keys/p256dh"),
        ({"auth": padded_off(b"x" * 15)}, "/keys/auth"),
        ({"auth": padded_off(b"x" * 17)}, "/keys/auth"),
        ({"auth": "…"}, "/keys/auth"),
    ],
)
def test_a_browser_that_lies_is_refused(changed: dict[str, str], pointer: str) -> None:
    said = {**GOOD, **changed}
    with pytest.raises(WrongTargetError) as refused:
        Target.checked(said["endpoint"], said["p256dh"], said["auth"], OutgoingRules())
    assert refused.value.pointer == pointer


def test_a_browser_that_says_the_truth_is_taken_and_does_not_show_its_endpoint() -> None:
    target = Target.checked(GOOD["endpoint"], GOOD["p256dh"] + "=", GOOD["auth"], OutgoingRules())
    assert target.service == "push.example.com"
    assert GOOD["endpoint"] not in repr(target)


def claimed(number: int = 1, **changed: Any) -> Claimed:
    whole: dict[str, Any] = {
        "scope": "acme", "subscriber": "ada", "event_id": f"e{number}", "tenant_id": "acme",
        "run_id": "run-1", "about": "approval", "said": "Run run-1 waits.",
        "occurred_at": datetime(2026, 11, 30, tzinfo=UTC), "attempt": 1,
    }  # fmt: skip
    return Claimed(number, **{**whole, **changed})


@pytest.mark.parametrize("said", ["\x00\u202e\ud800" * 4_000, '𝄞"\\' * 9_000, "x" * 100_000, "ü\n"])
@pytest.mark.parametrize("count", [1, 200])
def test_a_card_always_fits_and_has_one_line(said: str, count: int) -> None:
    card = card_of([claimed(n, said=said) for n in range(count)], "https://runs.example.com")
    assert len(card) <= MOST_TEXT
    found = json.loads(card)
    assert found["body"].isprintable()
    assert found["link"] == "https://runs.example.com/runs/run-1"
    assert json.loads(card_of([claimed(said=said)], "https://x.org/" + "y" * 5_000))["link"] == ""


def person(**said: object) -> Subscriber:
    whole = {"channel": "webpush", "person": "ada", "about": ["approval"], **said}
    return Subscriber.model_validate({"name": "ada", "version": "1.0.0", **whole})


@pytest.mark.parametrize(
    ("those", "urgent", "urgency", "ttl", "topic"),
    [
        ([claimed()], [], "high", 86_400, True),
        ([claimed(about="completed")], [], "low", 259_200, True),
        ([claimed(about="completed")], ["completed"], "high", 259_200, True),
        ([claimed(about="budget")], [], "normal", 86_400, False),
        ([claimed(about="alert", run_id="")], [], "high", 14_400, False),
        ([claimed(about="failed"), claimed(2, about="completed")], [], "normal", 259_200, False),
        ([claimed(attempt=2)], [], "high", 86_400, False),
    ],
)
def test_how_a_message_is_kept_follows_from_what_is_told(
    those: list[Claimed], urgent: list[str], urgency: str, ttl: int, topic: bool
) -> None:
    made = headers_of(person(urgent=urgent), those)
    assert (made["urgency"], made["ttl"], "topic" in made) == (urgency, str(ttl), topic)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (201, "sent"), (200, "sent"), (202, "sent"), (404, "gone"), (410, "gone"),
        (413, "failed"), (400, "failed"), (307, "failed"), (401, "open"), (403, "open"),
        (429, "open"), (408, "open"), (500, "open"), (503, "open"),
    ],
)  # fmt: skip
def test_what_a_push_service_answers_means(status: int, state: str) -> None:
    found = judged(Answer(status, retry_after_s=7.0, body=b"what a stranger says"))
    assert found.state == state
    assert "stranger" not in found.error
    assert found.asked_s == (7.0 if state == "open" else 0.0)


class Tables:
    """The tables in memory, in the place of a desk."""

    def __init__(self, *known: Browser) -> None:
        self.known, self.tried = known, dict[tuple[int, str], Tried]()

    async def call(self, question: Any, *given: Any) -> Any:
        if question is browsers.of_person:
            return list(self.known)
        if question is attempts.of:
            return dict(self.tried)
        if question is attempts.note:
            numbers, browser, tried, _ = given
            self.tried.update({(number, browser): tried for number in numbers})
        return None


class Stalling:
    """Never answers in time."""

    def __init__(self) -> None:
        self.asked = 0

    async def post(self, *_: object) -> Answer:
        self.asked += 1
        raise NoAnswerError("timeout", "no whole answer within 10 s", sent=True)


def pusher(key: PushKey, secret: str, contact: str) -> tuple[Pusher, Stalling]:
    target = Target.checked(GOOD["endpoint"], GOOD["p256dh"], GOOD["auth"], OutgoingRules())
    known = Browser("acme", "ada", target, key.public, "", datetime.now(UTC))
    outgoing: Any = Stalling()
    desk: Any = Tables(known)
    secrets = Secrets(MemorySecrets({"webpush": secret} if secret else {}))
    return Pusher(desk, outgoing, secrets, PushSettings(contact=contact)), outgoing


def test_a_service_that_stalls_is_left_alone_for_a_while() -> None:
    key = PushKey.new()
    made, outgoing = pusher(key, key.secret(), "mailto:ops@example.com")

    async def three() -> list[str]:
        return [(await made.send(person(), [claimed(n)]))[0][1].state for n in (1, 2, 3)]

    assert asyncio.run(three()) == ["unknown", "open", "open"]
    assert outgoing.asked == 1


@pytest.mark.parametrize(
    ("secret", "contact", "says"),
    [
        ("", "mailto:ops@example.com", "holds no webpush"),
        ("not a key", "mailto:ops@example.com", "runfold push key"),
        ("of another pair", "mailto:ops@example.com", "must subscribe again"),
        ("own", "", "RUNFOLD_PUSH_CONTACT"),
    ],
)
def test_what_is_not_set_up_says_so_and_asks_nobody(secret: str, contact: str, says: str) -> None:
    key = PushKey.new()
    held = {"own": key.secret(), "of another pair": PushKey.new().secret()}.get(secret, secret)
    made, outgoing = pusher(key, held, contact)
    [(_, ended)] = asyncio.run(made.send(person(), [claimed()]))
    assert says in str(ended.error)
    assert outgoing.asked == 0
