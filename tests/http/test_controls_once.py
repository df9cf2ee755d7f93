"""A control that is made again has the same effect and the same answer, whatever became of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from runfold.events import topics
from runfold.producers.errors import UnavailableError
from runfold.surfaces.application.runs.async_runs import AsyncRuns
from tests.deciders.given import RUN
from tests.http.serving import Served

SAID = {"content": "look in the cellar"}


def say(client: httpx.Client, key: str, body: dict[str, Any] | None = None) -> httpx.Response:
    url = f"/runs/{RUN}/messages"
    return client.post(url, json=body or SAID, headers={"idempotency-key": key})


def heard(client: httpx.Client) -> int:
    """How often the run has been told something since its goal."""
    events = client.get(f"/runs/{RUN}/events").json()["events"]
    return [each["type"] for each in events].count("UserMessageReceived") - 1


def test_the_same_key_has_one_effect(served: Served, client: httpx.Client) -> None:
    first, again = say(client, '"k"'), say(client, "k")

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert heard(client) == 1
    # The same run under its other name, and another control with the same key.
    other_name = client.post(
        f"/runs/run_{RUN}/messages", json=SAID, headers={"idempotency-key": "k"}
    )
    assert other_name.json() == first.json()
    paused = client.post(f"/runs/{RUN}/pause", json={}, headers={"idempotency-key": "k"})
    assert paused.json()["type"] == "RunPaused"
    assert heard(client) == 1


def test_a_key_is_its_requesters_and_its_requests(served: Served, client: httpx.Client) -> None:
    say(client, "k")
    other = say(client, "k", {"content": "look in the attic"})
    assert (other.status_code, other.json()["code"]) == (422, "other_request")
    assert say(served.client(user="bob"), "k").headers.get("idempotent-replayed") is None
    assert heard(client) == 2
    malformed = say(client, '"un"closed"')
    assert (malformed.status_code, malformed.json()["code"]) == (400, "idempotency_key_malformed")
    # What another tenant asks is refused as ever, and tells nothing of the key's use.
    stranger = say(served.client(tenant="umbrella"), "k")
    assert (stranger.status_code, stranger.json()["code"]) == (404, "not_found")


def test_who_asks_meanwhile_is_told_to_come_back(served: Served, client: httpx.Client) -> None:
    said: list[httpx.Response] = []
    publish = served.log.publish_all

    def slow(*given: Any, **named: Any) -> Any:
        said.append(say(served.client(user="ada"), "k"))
        return publish(*given, **named)

    served.log.publish_all = slow  # type: ignore[method-assign]
    assert say(client, "k").status_code == 200
    assert (said[0].status_code, said[0].json()["code"]) == (409, "under_way")


def test_what_may_have_arrived_is_sent_again_and_changes_nothing(
    served: Served, client: httpx.Client
) -> None:
    publish = served.log.publish_all

    def lost(*given: Any, **named: Any) -> Any:
        publish(*given, **named)
        raise UnavailableError("the answer was lost")

    served.log.publish_all = lost  # type: ignore[method-assign]
    assert say(client, "k").status_code == 503
    served.log.publish_all = publish  # type: ignore[method-assign]
    assert say(client, "k").status_code == 200
    assert heard(client) == 1


def test_what_never_arrived_is_sent_with_the_same_id(served: Served, client: httpx.Client) -> None:
    publish = served.log.publish_all

    def lost(*given: Any, **named: Any) -> Any:
        raise UnavailableError("nothing was sent")

    served.log.publish_all = lost  # type: ignore[method-assign]
    assert say(client, "k").status_code == 503
    served.log.publish_all = publish  # type: ignore[method-assign]
    assert say(client, "k").status_code == 200
    assert heard(client) == 1


def test_what_is_durable_and_not_decided_is_not_sent_again(
    served: Served, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.log.deaf = True
    monkeypatch.setattr(AsyncRuns.__init__, "__defaults__", (None, 0.2))
    first, again = say(client, "k"), say(client, "k")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    (sent,) = [each.record for each in served.log.read(topics.CONTROLS)]
    assert first.json()["request_id"] == sent.request_id  # type: ignore[union-attr]
    served.log.deaf = False
    served.log.hear(sent, RUN)  # type: ignore[arg-type]
    decided = say(client, "k")
    assert (decided.status_code, decided.json()["type"]) == (200, "UserMessageReceived")


def test_a_refusal_leaves_the_key_free_and_an_effect_outlives_its_run(
    served: Served, client: httpx.Client
) -> None:
    ended = {"idempotency-key": "end"}
    first = client.post(f"/runs/{RUN}/cancel", json={}, headers=ended)
    again = client.post(f"/runs/{RUN}/cancel", json={}, headers=ended)
    assert first.status_code == 200
    assert again.json() == first.json()
    refused = say(client, "k")
    assert (refused.status_code, refused.json()["code"]) == (409, "run_ended")
    assert say(client, "k").json()["code"] == "run_ended"
