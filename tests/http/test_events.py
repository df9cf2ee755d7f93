"""Events over HTTP: pages, and streams that join history and what comes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import httpx

from runfold.producers.client import RunClient
from tests.deciders.given import RUN, TENANT
from tests.deciders.given import request as asked
from tests.http.serving import Served, serving
from tests.support.builders.stories import WRITES
from tests.support.stack import wait_until
from tests.surfaces.answering import answering


def heard(response: httpx.Response) -> Iterator[dict[str, str]]:
    """The messages of a stream; a comment is one with the field ``comment``."""
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if not line:
            if fields:
                yield fields
            fields = {}
            continue
        name, _, value = line.partition(":")
        fields[name or "comment"] = value.removeprefix(" ")


def listen(client: httpx.Client, path: str, **headers: str) -> list[dict[str, str]]:
    """All that a stream says until it ends."""
    with client.stream("GET", path, headers={"accept": "text/event-stream", **headers}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        return [each for each in heard(answer) if "data" in each]


def cancel_later(served: Served) -> threading.Thread:
    """Cancel the run from elsewhere once somebody listens."""
    client = RunClient(served.log, served.log, TENANT, "ada")

    def work() -> None:
        while not served.gateway.use.listeners:
            pass
        client.tell(RUN, "still there?")
        client.cancel(RUN, "enough")
        client.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_history_is_read_in_pages(client: httpx.Client) -> None:
    whole = client.get(f"/runs/{RUN}/events").json()
    numbers = [each["seq"] for each in whole["events"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert (whole["has_more"], whole["ended"], whole["next_after"]) == (False, False, numbers[-1])

    pages, after, more = [], 0, True
    while more:
        page = client.get(f"/runs/{RUN}/events", params={"after": after, "limit": 3}).json()
        pages += page["events"]
        after, more = page["next_after"], page["has_more"]
    assert pages == whole["events"]


def test_a_stream_joins_history_and_what_comes_and_ends_with_the_run(
    served: Served, client: httpx.Client
) -> None:
    thread = cancel_later(served)
    said = listen(client, f"/runs/{RUN}/events")
    thread.join()

    assert [int(each["id"]) for each in said] == list(range(1, len(said) + 1))
    assert said[-1]["event"] == "RunCancelled"
    paged = client.get(f"/runs/{RUN}/events").json()["events"]
    assert [json.loads(each["data"]) for each in said] == paged
    assert served.gateway.use.listeners == 0


def test_a_listener_goes_on_where_it_was(served: Served, client: httpx.Client) -> None:
    thread = cancel_later(served)
    said = listen(client, f"/runs/{RUN}/events?after=2", **{"last-event-id": "4"})
    thread.join()
    assert int(said[0]["id"]) == 5

    last = int(said[-1]["id"])
    over = client.get(
        f"/runs/{RUN}/events",
        headers={"accept": "text/event-stream", "last-event-id": str(last)},
    )
    assert (over.status_code, over.content) == (204, b"")


def test_a_quiet_stream_beats_and_a_listener_that_leaves_is_forgotten(
    served: Served, client: httpx.Client
) -> None:
    with client.stream(
        "GET", f"/runs/{RUN}/events?after=1000", headers={"accept": "text/event-stream"}
    ) as answer:
        found = (each for each in heard(answer) if "comment" in each)
        assert [next(found), next(found)] == [{"comment": "beat"}] * 2
        assert served.gateway.use.listeners == 1
    wait_until(lambda: served.gateway.use.listeners == 0)


def test_a_stream_of_anothers_run_is_not_there(served: Served) -> None:
    stranger = served.client(tenant="umbrella")
    for run_id in (RUN, RUN[:-4] + "0000"):
        answer = stranger.get(f"/runs/{run_id}/events", headers={"accept": "text/event-stream"})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_gateway_that_ends_lets_its_listeners_go() -> None:
    beats: list[dict[str, str]] = []
    ended = threading.Event()
    with serving(answering(asked(), WRITES)) as served:
        client, url = served.client(), f"/runs/{RUN}/events?after=1000"

        def stay() -> None:
            with client.stream("GET", url, headers={"accept": "text/event-stream"}) as answer:
                beats.extend(heard(answer))
            # The answer has ended as one that is whole.
            ended.set()

        listener = threading.Thread(target=stay)
        listener.start()
        wait_until(lambda: served.gateway.use.listeners == 1)
        served.server.stop()
        listener.join(9)
        assert ended.is_set()
