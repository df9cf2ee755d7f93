"""Browsers that persons subscribe for web push, on the real stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.delivery.browsers import OneBrowser, Service, verified
from tests.delivery.receiver import Receiver
from tests.http.product import PUSH_KEY, Product, asked, waiting
from tests.support.stack import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

BROWSERS = "/notifications/browsers"
SUBSCRIBER = {
    "apiVersion": "runfold/v1",
    "kind": "Subscriber",
    "metadata": {"name": "ada-push", "version": "1.0.0"},
    "spec": {"person": "ada", "channel": "webpush", "about": ["approval", "completed"]},
}


@pytest.fixture(scope="module")
def bob(product: Product) -> Iterator[httpx.Client]:
    with product.client(product.key("acme", user="bob")) as client:
        yield client


@pytest.fixture(scope="module")
def umbrella(product: Product) -> Iterator[httpx.Client]:
    with product.client(product.key("umbrella")) as client:
        yield client


def test_a_person_is_told_in_their_browser_until_they_remove_it(  # noqa: PLR0915 - one story
    product: Product, acme: httpx.Client, bob: httpx.Client, umbrella: httpx.Client
) -> None:
    assert acme.get("/notifications/push").json()["public_key"] == PUSH_KEY.public
    answer = acme.post("/definitions", json={"manifests": [SUBSCRIBER]})
    assert answer.status_code == 201, answer.text
    one = OneBrowser("/push/one")
    with Receiver(Service()) as service:
        said = {**one.subscription(service), "label": "Ada's phone"}
        made = acme.post(BROWSERS, json=said)
        assert made.status_code == 201, made.text
        assert acme.post(BROWSERS, json=said).status_code == 200
        shown = made.json()
        assert (shown["label"], shown["service"]) == ("Ada's phone", "127.0.0.1")
        # What lets send to a browser is in no answer.
        assert said["endpoint"] not in made.text + acme.get(BROWSERS).text
        at = f"{BROWSERS}/{shown['browser_id']}"
        for stranger in (bob, umbrella):
            assert stranger.get(BROWSERS).json()["browsers"] == []
            assert stranger.delete(at).status_code == 404
        run_id = asked(acme)
        question = waiting(acme, run_id)
        wait_until(lambda: len(service.got) == 1, 60)
        acme.post(f"/runs/{run_id}/answer", json={"question_id": question, "answer": "red"})
        wait_until(lambda: len(service.got) == 2, 60)
        cards = [one.read(got) for got in service.got]
        assert [card["about"] for card in cards] == ["approval", "completed"]
        assert all(card["link"] == f"/runs/{run_id}" for card in cards)
        assert "Which colour" not in str(cards)
        assert all(verified(got, PUSH_KEY.public, service) for got in service.got)
        wait_until(lambda: told(acme, run_id) == ["sent", "sent"], 60)
        assert acme.get(BROWSERS).json()["browsers"][0]["last_ok_at"]
        # Whoever signs in last in a browser is whose it is.
        assert bob.post(BROWSERS, json=said).status_code == 201
        assert acme.get(BROWSERS).json()["browsers"] == []
        assert acme.post(BROWSERS, json=said).status_code == 201
        listed = product.cli("push", "browsers", "ada", "--tenant", "acme", "--json")
        assert shown["browser_id"] in listed
        assert acme.delete(at).status_code == 204
        assert acme.delete(at).status_code == 404
        run_id = asked(acme)
        waiting(acme, run_id)
        wait_until(lambda: told(acme, run_id) == ["dropped"], 60)
        assert len(service.got) == 2
        acme.post(BROWSERS, json=said)
        said = product.cli("push", "forget", "ada", "--tenant", "acme")
        assert "1 browsers of ada" in said
        assert acme.get(BROWSERS).json()["browsers"] == []


def told(client: httpx.Client, run_id: str) -> list[str]:
    found = client.get("/notifications", params={"limit": 100}).json()["notifications"]
    return [each["state"] for each in found if each["run_id"] == run_id]


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"endpoint": "https://169.254.169.254/latest"}, "/endpoint"),
        ({"endpoint": "https://[fd00::1]/x"}, "/endpoint"),
        ({"endpoint": "gopher://push.example.com/x"}, "/endpoint"),
        ({"keys": {"p256dh": "AAAA", "auth": "AAAA"}}, "/keys/p256dh"),
        ({"label": "a\nb"}, "/label"),
        ({"user_id": "bob"}, "/user_id"),
    ],
)
def test_a_hostile_subscription_is_refused(
    acme: httpx.Client, changed: dict[str, Any], pointer: str
) -> None:
    one = OneBrowser("/x")
    with Receiver(Service()) as service:
        answer = acme.post(BROWSERS, json={**one.subscription(service), **changed})
    assert answer.status_code in {400, 422}, answer.text
    assert pointer in [each["pointer"] for each in answer.json()["errors"]], answer.text


def test_without_a_key_of_web_push_nothing_can_be_subscribed(client: httpx.Client) -> None:
    """The gateway of a log in memory is told no key."""
    said = {"endpoint": "https://push.example.com/x", "keys": {"p256dh": "AA", "auth": "AA"}}
    for answer in (client.get("/notifications/push"), client.post(BROWSERS, json=said)):
        assert (answer.status_code, answer.json()["code"]) == (404, "no_web_push")
