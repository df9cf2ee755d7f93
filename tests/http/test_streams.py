"""Streams of events: filtered, of a tenant's runs, cut at random, and read too slowly."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from runfold.events import topics
from runfold.events.avro.samples import sample
from runfold.events.catalogue import FACTS
from runfold.events.contents.content import text
from runfold.events.run import Event, Meta, RunCompleted, RunCreated, RunStarted
from runfold.events.run.lifecycle import UserMessageReceived
from runfold.producers.identity import uuid7
from runfold.surfaces.application.runs.reading.event_types import GROUPS, TYPES
from runfold.surfaces.http.access.limits import Limits
from runfold.surfaces.http.streams import of_tenant, wire
from runfold.surfaces.http.streams.position import position_of, token
from tests.deciders.given import TENANT
from tests.http.serving import Served, serving
from tests.http.test_events import heard, listen
from tests.support.stack import wait_until
from tests.surfaces.answering import AnsweringLog, answering

STREAM = {"accept": "text/event-stream"}


def put(log: AnsweringLog, run_id: str, seq: int, fact: Any = None, tenant: str = TENANT) -> None:
    """Append an event of a run by its number."""
    made = sample(Meta).model_copy(update={"run_id": run_id, "seq": seq, "tenant_id": tenant})
    assert isinstance(made, Meta)
    log.append_event(Event(made, fact or sample(RunStarted)), topics.EVENTS)


def created(agent: str, **labels: str) -> RunCreated:
    """The first event of a run of an agent."""
    fact = sample(RunCreated)
    assert isinstance(fact, RunCreated)
    given = tuple(
        fact.request.labels[0].model_copy(update={"key": key, "value": value})
        for key, value in labels.items()
    )
    return fact.model_copy(
        update={
            "agent": fact.agent.model_copy(update={"name": agent}),
            "request": fact.request.model_copy(update={"labels": given}),
        }
    )


@pytest.fixture
def bare() -> Iterator[Served]:
    """A gateway over an empty journal."""
    with serving(answering(), limits=Limits(heartbeat_s=0.05)) as found:
        yield found


def test_every_type_of_event_is_in_a_group() -> None:
    assert set().union(*GROUPS.values()) == TYPES == {fact.__name__ for fact in FACTS}


def test_a_stream_has_the_types_that_are_asked_for_and_ends_all_the_same(bare: Served) -> None:
    client, run = bare.client(), uuid7()
    put(bare.log, run, 1, created("clerk"))
    put(bare.log, run, 2, sample(UserMessageReceived))
    put(bare.log, run, 3)
    put(bare.log, run, 4, sample(RunCompleted))
    path = f"/runs/{run}/events"
    said = listen(client, f"{path}?types=RunStarted,turns")
    assert [(each["id"], each["event"]) for each in said] == [("3", "RunStarted")]
    page = client.get(path, params={"types": "RunStarted,ends"}).json()
    assert [each["seq"] for each in page["events"]] == [3, 4]
    assert (page["next_after"], page["ended"]) == (4, True)

    # It was moved on behind the end, which it did not want: a browser would come back for ever.
    with client.stream("GET", f"{path}?types=approvals", headers=STREAM) as answer:
        assert answer.status_code == 200
        (last,) = [each["id"] for each in heard(answer) if "id" in each]
    assert client.get(path, headers={**STREAM, "last-event-id": last}).status_code == 204


@pytest.mark.parametrize(
    ("types", "said"),
    [
        ("ModelRespondet", "Did you mean ModelResponded?"),
        ("aprovals", "Did you mean approvals?"),
        ("x" * 5000, "or groups: approvals, budgets,"),
        ("", "There is no type of event ''."),
        (",".join(["tools"] * 101), "100 may be"),
    ],
)
def test_a_type_that_is_not_there_is_refused_with_what_may_be_meant(
    bare: Served, types: str, said: str
) -> None:
    client = bare.client()
    for path in (f"/runs/{uuid7()}/events", "/events"):
        answer = client.get(path, params={"types": types}, headers=STREAM)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
        assert said in answer.json()["detail"]
    assert bare.gateway.use.listeners == 0


def gathered(client: httpx.Client, path: str, chance: random.Random, enough: Any) -> list[Any]:
    """Listen, be cut at random, and go on by the last id, until it is enough."""
    found: list[Any] = []
    last: str | None = None
    while not enough(found):
        headers = STREAM if last is None else {**STREAM, "last-event-id": last}
        with client.stream("GET", path, headers=headers) as answer:
            if answer.status_code == 204:
                break
            assert answer.status_code == 200, answer.read()
            left = chance.randrange(1, 40)
            for each in heard(answer):
                # What was received and not yet kept would come again: id and data are one.
                last = each.get("id", last)
                if "data" in each:
                    found.append((last, json.loads(each["data"])))
                    left -= 1
                if left == 0 or enough(found):
                    break
    return found


def test_listeners_of_a_run_that_are_cut_at_random_get_each_event_once(bare: Served) -> None:
    run, number = uuid7(), 300
    put(bare.log, run, 1, created("clerk"))

    def write() -> None:
        for seq in range(2, number + 1):
            put(bare.log, run, seq, sample(RunCompleted) if seq == number else None)

    found: list[list[Any]] = [[] for _ in range(4)]

    def listen_to(place: int, client: httpx.Client) -> None:
        chance = random.Random(place)
        found[place] = gathered(client, f"/runs/{run}/events", chance, lambda _: False)

    threads = [threading.Thread(target=listen_to, args=(n, bare.client())) for n in range(4)]
    for thread in (*threads, threading.Thread(target=write)):
        thread.start()
    for thread in threads:
        thread.join(100)
    for each in found:
        assert [event["seq"] for _, event in each] == list(range(1, number + 1))


def test_watchers_of_a_tenant_that_are_cut_at_random_get_each_event_once(bare: Served) -> None:
    mine, others = [uuid7() for _ in range(8)], [uuid7() for _ in range(4)]
    client = bare.client()
    with client.stream("GET", "/events", headers=STREAM) as answer:
        first = next(each["id"] for each in heard(answer) if "id" in each)

    def write() -> None:
        chance, at = random.Random(7), dict.fromkeys([*mine, *others], 0)
        while lives := [run for run in at if at[run] < 50]:
            run = chance.choice(lives)
            at[run] += 1
            fact = created("clerk") if at[run] == 1 else None
            put(bare.log, run, at[run], fact, TENANT if run in mine else "umbrella")

    found: list[list[Any]] = [[] for _ in range(3)]

    def watch(place: int, client: httpx.Client) -> None:
        chance = random.Random(place)
        path = f"/events?after={first}" + ("&agent=clerk" if place else "")
        found[place] = gathered(client, path, chance, lambda held: len(held) >= 400)

    threads = [threading.Thread(target=watch, args=(n, bare.client())) for n in range(3)]
    for thread in (*threads, threading.Thread(target=write)):
        thread.start()
    for thread in threads:
        thread.join(100)
    for each in found:
        assert {event["tenant_id"] for _, event in each} == {TENANT}
        for run in mine:
            numbers = [event["seq"] for _, event in each if event["run_id"] == run]
            assert numbers == list(range(1, 51))


def test_a_watcher_sees_runs_of_an_agent_and_a_label_and_no_others(bare: Served) -> None:
    client, runs = bare.client(), [uuid7() for _ in range(4)]
    # The first began before anybody watched: what it was asked for with is read from the journal.
    put(bare.log, runs[0], 1, created("clerk", team="red"))
    put(bare.log, runs[3], 1, created("clerk", team="blue"))
    path = "/events?agent=clerk&label=team%3Dred&types=RunStarted,RunCreated"
    with client.stream("GET", path, headers=STREAM) as answer:
        stream = heard(answer)
        assert "id" in next(each for each in stream if "id" in each)
        put(bare.log, runs[1], 1, created("clerk", team="red"))
        put(bare.log, runs[2], 1, created("cook", team="red"))
        for run in runs:
            put(bare.log, run, 2)
            put(bare.log, run, 3, sample(RunCompleted))
        got = []
        for each in stream:
            if "data" in each:
                said = json.loads(each["data"])
                got.append((said["run_id"], said["seq"]))
            if len(got) == 3:
                break
    assert sorted(got) == sorted([(runs[1], 1), (runs[0], 2), (runs[1], 2)])
    wrong = client.get("/events?label=team", headers=STREAM)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "malformed")


def test_a_position_is_checked_and_bounded(bare: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    client, run = bare.client(), uuid7()
    for seq in range(1, 8):
        put(bare.log, run, seq)
    assert client.get("/events").json()["code"] == "not_acceptable"
    beyond = token(dict.fromkeys(range(4), 10_000))
    for wrong in ("x", "AQ", "7" * 60_000, beyond, token({0: 0}), token({0: 2**70, 1: 0})):
        headers = {**STREAM, "last-event-id": wrong}
        if len(wrong) < 8_000:
            code = client.get("/events", headers=headers).json()["code"]
            assert code == "cursor_malformed", wrong
    monkeypatch.setattr(of_tenant, "MOST_BEHIND", 6)
    answer = client.get(
        "/events", params={"after": token(dict.fromkeys(range(4), 0))}, headers=STREAM
    )
    assert (answer.status_code, answer.json()["code"]) == (410, "too_far_behind")
    assert bare.gateway.use.listeners == 0


@pytest.mark.parametrize("offsets", [[0], [5, 0, 127, 128, 2**40], [2**63 - 1]])
def test_a_token_is_its_position(offsets: list[int]) -> None:
    position = dict(enumerate(offsets))
    assert position_of(token(position)) == position


@pytest.mark.parametrize("of", ["run", "tenant"])
def test_a_slow_listener_is_cut_told_where_to_go_on_and_loses_nothing(of: str) -> None:
    run, number = uuid7(), 4_000
    said = sample(UserMessageReceived)
    assert isinstance(said, UserMessageReceived)
    large = said.model_copy(update={"content": text("x" * 3_000)})
    with serving(answering(), limits=Limits(heartbeat_s=0.05, idle_s=60)) as served:
        client, quick = served.client(), served.client()
        put(served.log, run, 1, created("clerk"))
        path = f"/runs/{run}/events" if of == "run" else "/events"
        swift: list[int] = []

        def read_at_once() -> None:
            with quick.stream("GET", f"/runs/{run}/events", headers=STREAM) as answer:
                swift.extend(int(each["id"]) for each in heard(answer) if "data" in each)

        with client.stream("GET", path, headers=STREAM) as answer:
            stream = heard(answer)
            last = next(each["id"] for each in stream if "id" in each)
            other = threading.Thread(target=read_at_once)
            other.start()
            wait_until(lambda: served.gateway.use.listeners == 2)
            for seq in range(2, number):
                put(served.log, run, seq, large)
                # As quick as the other reads, whom nobody holds up.
                if seq % 100 == 0:
                    wait_until(lambda: len(swift) >= seq - 100)  # noqa: B023 - called at once
            put(served.log, run, number, sample(RunCompleted))
            other.join(60)
            assert swift == list(range(1, number + 1))
            numbers, comments = [], []
            for each in stream:
                last = each.get("id", last)
                comments += [each["comment"]] if "cut" in each.get("comment", "") else []
                numbers += [json.loads(each["data"])["seq"]] if "data" in each else []
        assert f"go on with Last-Event-ID: {last}" in comments[0]
        assert 1 < len(numbers) < number
        with client.stream("GET", path, headers={**STREAM, "last-event-id": last}) as answer:
            for each in heard(answer):
                numbers += [json.loads(each["data"])["seq"]] if "data" in each else []
                if numbers[-1] == number:
                    break
        assert numbers[-number + 1 :] == list(range(2, number + 1))


def test_an_event_is_rendered_once_for_all_and_again_where_it_was_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same object is encoded once; another one of the same number may have been erased."""
    encoded: list[Event] = []
    monkeypatch.setattr(wire, "rendered", lambda e: encoded.append(e) or str(len(encoded)).encode())
    made, kept = sample(Meta), wire.Rendered(most=3)
    assert isinstance(made, Meta)
    first = Event(made, sample(RunStarted))  # type: ignore[arg-type]
    again = Event(made.model_copy(), sample(RunStarted))  # type: ignore[arg-type]
    assert [kept.of(first) for _ in range(1000)] == [b"1"] * 1000
    assert kept.of(again) == b"2"
    assert kept.of(first) == b"3"
    for seq in range(100, 110):
        kept.of(Event(made.model_copy(update={"seq": seq}), sample(RunStarted)))  # type: ignore[arg-type]
    assert kept.of(first) == b"14"
