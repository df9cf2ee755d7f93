"""A request that is made again leads to the same run, whatever happened to the first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from runfold.events import topics
from runfold.infra.gateway.asked import Asked, MemoryAskedStore
from runfold.producers.errors import NoTopicError, RefusedError, UnavailableError
from runfold.surfaces.application.runs.asking.once import Once
from tests.http.serving import Served, serving

BODY = {"goal": "find out", "agent": "worker"}


def ask(client: httpx.Client, key: str, body: dict[str, Any] | None = None) -> httpx.Response:
    return client.post("/runs", json=body or BODY, headers={"idempotency-key": key})


def how_many(served: Served) -> int:
    return len(list(served.log.read(topics.REQUESTS)))


def test_the_same_key_gives_the_same_run(served: Served, client: httpx.Client) -> None:
    first, again = ask(client, '"a key"'), ask(client, '"a key"')

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert how_many(served) == 1
    assert ask(client, "bare").json() == ask(client, '"bare"').json()


def test_a_key_is_its_requesters(served: Served, client: httpx.Client) -> None:
    others = [served.client(user="bob"), served.client(tenant="umbrella")]
    runs = {ask(each, "key").json()["run_id"] for each in (client, *others)}
    same_user = served.client(user="ada")

    assert len(runs) == 3
    assert ask(same_user, "key").json() == ask(client, "key").json()


def test_another_request_with_the_key_is_refused(served: Served, client: httpx.Client) -> None:
    ask(client, "key")
    other = ask(client, "key", {**BODY, "goal": "something else"})
    assert (other.status_code, other.json()["code"]) == (422, "other_request")
    # The order of fields and what stands between them is no other request.
    text = '{ "agent": "worker",  "goal": "find out" }'
    headers = {"idempotency-key": "key", "content-type": "application/json"}
    assert client.post("/runs", content=text, headers=headers).status_code == 202
    assert how_many(served) == 1


@pytest.mark.parametrize("key", ['""', '"un"closed"', "a,b", "x" * 256, "caf\u00e9"])
def test_a_key_that_is_none_is_refused(client: httpx.Client, key: str) -> None:
    headers = {"idempotency-key": key.encode("latin-1")}
    answer = client.post("/runs", json=BODY, headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_malformed")


def test_a_deployment_can_ask_for_keys() -> None:
    with serving(needs_idempotency=True) as served:
        client = served.client()
        refused = client.post("/runs", json=BODY)
        assert (refused.status_code, refused.json()["code"]) == (400, "idempotency_key_missing")
        assert ask(client, "key").status_code == 202


def test_who_asks_meanwhile_is_told_to_come_back(served: Served, client: httpx.Client) -> None:
    said: list[httpx.Response] = []
    publish = served.log.publish_all

    def slow(*given: Any, **named: Any) -> Any:
        said.append(ask(served.client(user="ada"), "key"))
        return publish(*given, **named)

    served.log.publish_all = slow  # type: ignore[method-assign]
    first = ask(client, "key")

    assert first.status_code == 202
    assert (said[0].status_code, said[0].json()["code"]) == (409, "under_way")
    assert said[0].json()["retryable"] is True


def test_a_request_that_may_have_arrived_is_made_again_with_its_id(
    served: Served, client: httpx.Client
) -> None:
    publish = served.log.publish_all

    def lost(*given: Any, **named: Any) -> Any:
        publish(*given, **named)
        raise UnavailableError("the answer was lost")

    served.log.publish_all = lost  # type: ignore[method-assign]
    served.log.deaf = True
    first = ask(client, "key")
    assert (first.status_code, first.json()["retryable"]) == (503, True)

    served.log.publish_all = publish  # type: ignore[method-assign]
    again = ask(client, "key")
    assert again.status_code == 202
    made = {each.key for each in served.log.read(topics.REQUESTS)}
    assert made == {again.json()["run_id"].encode()}
    assert ask(client, "key").json() == again.json()


def test_what_is_durable_is_acknowledged_though_it_cannot_be_noted_as_made() -> None:
    class Away(MemoryAskedStore):
        """Its database goes away while the request is on its way."""

        def done(self, asked: Asked) -> None:
            raise psycopg.OperationalError("the connection was cut")

    clock = Clock()
    with serving(once=Once(Away(), wall=clock)) as served:
        client = served.client()
        first = ask(client, "key")
        assert (first.status_code, how_many(served)) == (202, 1)
        assert client.get(first.headers["location"]).status_code == 200
        assert ask(client, "key").json()["code"] == "under_way"
        clock.now += timedelta(seconds=61)
        # Nobody noted it, and the log has it.
        again = ask(client, "key")
        assert (again.status_code, again.json()) == (202, first.json())
        assert how_many(served) == 1


def test_a_request_that_is_refused_leaves_its_key_free(
    served: Served, client: httpx.Client
) -> None:
    wrong = {**BODY, "goal": "x" * 999_000, "feature": "y"}
    refused = client.post(
        "/runs", json={**wrong, "labels": {"a": "b" * 900}}, headers={"idempotency-key": "key"}
    )
    assert refused.status_code in {413, 422}
    assert ask(client, "key").status_code == 202


def test_brokers_that_do_not_know_their_topics_yet_are_no_fault_of_the_request(
    served: Served, client: httpx.Client
) -> None:
    publish = served.log.publish_all

    def forgets(*given: Any, **named: Any) -> Any:
        raise NoTopicError("Kafka failed while publishing: unknown topic.")

    served.log.publish_all = forgets  # type: ignore[method-assign]
    first = ask(client, "key")
    assert (first.status_code, first.json()["retryable"]) == (503, True)
    served.log.publish_all = publish  # type: ignore[method-assign]
    assert ask(client, "key").status_code == 202
    assert how_many(served) == 1


def test_what_may_still_arrive_keeps_its_run_though_it_is_refused_the_next_time(
    served: Served, client: httpx.Client
) -> None:
    publish = served.log.publish_all
    made: list[str] = []

    def fails(error: Exception) -> Any:
        def work(topic: str, records: Any, *given: Any, **named: Any) -> Any:
            made.append(records[0][1])
            raise error

        return work

    for error in (UnavailableError("no answer"), RefusedError("not now")):
        served.log.publish_all = fails(error)  # type: ignore[method-assign]
        assert ask(client, "key").status_code in {503, 422}
    served.log.publish_all = publish  # type: ignore[method-assign]
    answer = ask(client, "key")
    assert answer.status_code == 202
    assert {*made, answer.json()["run_id"]} == {made[0]}


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


def test_what_nobody_can_know_is_said() -> None:
    clock = Clock()
    with serving(once=Once(MemoryAskedStore(), wall=clock)) as served:
        client = served.client()
        publish = served.log.publish_all

        def lost(*given: Any, **named: Any) -> Any:
            raise UnavailableError("nothing was sent")

        served.log.publish_all = lost  # type: ignore[method-assign]
        assert ask(client, "key").status_code == 503
        served.log.publish_all = publish  # type: ignore[method-assign]
        clock.now += timedelta(hours=2)
        answer = ask(client, "key")
        assert (answer.status_code, answer.json()["code"]) == (409, "in_doubt")
        assert answer.json()["run_id"]
        clock.now += timedelta(hours=24)
        assert ask(client, "key").status_code == 202
