"""What people say about a run is on record, also after its end, and is the tenant's own."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from runfold.events import topics
from runfold.events.records.feedback import FeedbackGiven
from runfold.producers.errors import UnavailableError
from tests.deciders.given import RUN, TENANT
from tests.http.serving import Served

PLACE = f"/runs/{RUN}/feedback"
SAID = {
    "rating": 2,
    "text": "It looked in the attic.",
    "correction": "the cellar",
    "seq": 6,
    "labels": {"kind": "wrong place"},
}


def test_feedback_is_on_record_and_found_by_its_run(served: Served, client: httpx.Client) -> None:
    first = client.post(PLACE, json=SAID)
    assert first.status_code == 201, first.text
    assert {name: first.json()[name] for name in SAID} == SAID
    client.post(f"/runs/{RUN}/cancel", json={})
    # Afterwards, too, and by somebody else.
    assert served.client(user="bob").post(PLACE, json={"rating": 5}).status_code == 201
    found = client.get(PLACE).json()
    assert [(each["user_id"], each["rating"]) for each in found["feedback"]] == [
        ("ada", 2),
        ("bob", 5),
    ]
    assert found["mean_rating"] == 3.5
    written = [each.record for each in served.log.read(topics.FEEDBACK)]
    assert [type(each) for each in written] == [FeedbackGiven] * 2
    assert client.get(f"/runs/{RUN}").json()["status"] == "cancelled"


def test_what_was_said_is_answered_without_being_read_again(
    served: Served, client: httpx.Client
) -> None:
    read = served.log.read

    def away(topic: str, *given: Any, **named: Any) -> Any:
        if topic == topics.FEEDBACK:
            raise UnavailableError("the broker is away")
        return read(topic, *given, **named)

    served.log.read = away  # type: ignore[method-assign]
    said = client.post(PLACE, json=SAID)
    assert said.status_code == 201, said.text
    served.log.read = read  # type: ignore[method-assign]
    (found,) = client.get(PLACE).json()["feedback"]
    assert found == {name: value for name, value in said.json().items() if name in found}


def test_it_is_the_tenants_own(served: Served, client: httpx.Client) -> None:
    client.post(PLACE, json=SAID)
    stranger = served.client(tenant="umbrella")
    for answer in (stranger.get(PLACE), stranger.post(PLACE, json=SAID)):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    # What somebody else wrote under the run's key is nobody's feedback.
    record = next(each.record for each in served.log.read(topics.FEEDBACK))
    forged = record.model_copy(update={"tenant_id": "umbrella", "feedback_id": "x"})  # type: ignore[union-attr]
    served.log.publish(topics.FEEDBACK, forged, RUN)
    assert len(client.get(PLACE).json()["feedback"]) == 1
    assert client.get("/identity").json()["tenant_id"] == TENANT


def test_the_same_key_says_it_once(served: Served, client: httpx.Client) -> None:
    key = {"idempotency-key": "k"}
    publish = served.log.publish_all

    def lost(*given: Any, **named: Any) -> Any:
        publish(*given, **named)
        raise UnavailableError("the answer was lost")

    served.log.publish_all = lost  # type: ignore[method-assign]
    assert client.post(PLACE, json=SAID, headers=key).status_code == 503
    served.log.publish_all = publish  # type: ignore[method-assign]
    again = client.post(PLACE, json=SAID, headers=key)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert client.post(PLACE, json=SAID, headers=key).json() == again.json()
    assert len(client.get(PLACE).json()["feedback"]) == 1
    other = client.post(PLACE, json={"rating": 1}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "other_request")


WRONG: list[dict[str, Any]] = [
    {}, {"rating": 0}, {"rating": 6}, {"text": ""}, {"text": "x" * 10_001}, {"labels": {"a": "b"}},
    {"seq": 0, "rating": 1}, {"text": "half \ud83d"}, {"rating": 1, "user_id": "bob"},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_says_nothing_is_refused(client: httpx.Client, wrong: dict[str, Any]) -> None:
    headers = {"content-type": "application/json"}
    answer = client.post(PLACE, content=json.dumps(wrong), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    assert client.get(PLACE).json()["feedback"] == []
