"""The client over HTTP where things go wrong: lost answers, busy gateways, proxies, long waits."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

import runfold
from runfold.events import topics
from runfold.events.values import Limits
from runfold.producers.identity import uuid7
from runfold.surfaces.client.sse import Parser
from tests.deciders.given import RUN, TENANT, done
from tests.deciders.given import request as asked
from tests.http.serving import serving
from tests.support.builders.stories import ASKS, LOOKS
from tests.surfaces.answering import AnsweringLog, answering

Script = list[tuple[int, dict[str, str], bytes]]
PROBLEM = {"title": "t", "detail": "Do this.", "request_id": "r", "type": "/problems#x"}


class Broken:
    """A server that gives the answers of a script, then those of a gateway; -1 says nothing."""

    def __init__(self, behind: str, script: Script) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.script = script
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                outer.seen.append((self.command, self.path, dict(self.headers), body))
                status, headers, said = outer.next(self.command, self.path, self.headers, body)
                if status == -1:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(status)
                for name, value in {"content-length": str(len(said)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)
                # One that promised more than it has is cut.
                self.close_connection = headers.get("content-length", len(said)) != len(said)

            do_GET = do_POST = _any  # noqa: N815 - as their base class calls them

            def log_message(self, *_: Any) -> None:
                pass

        self._behind = behind
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any, bytes]:
        step = self.script.pop(0) if self.script else (0, {}, b"")
        if step[0] > 0:
            return step
        sent = {k: v for k, v in headers.items() if k.lower() not in {"host", "content-length"}}
        passed = httpx.request(method, self._behind + path, headers=sent, content=body, timeout=30)
        if step[0] == -1:
            return step
        kind = {"content-type": passed.headers.get("content-type", "")}
        return passed.status_code, kind, passed.content


@contextmanager
def broken(
    *script: tuple[int, dict[str, str], bytes],
) -> Iterator[tuple[Broken, Any, AnsweringLog]]:
    log = answering()
    with serving(log) as served:
        server = Broken(served.url, list(script))
        try:
            yield server, served.key(TENANT, "person-1"), log
        finally:
            server.server.shutdown()
            server.server.server_close()


def problem(code: str, status: int, **more: Any) -> tuple[int, dict[str, str], bytes]:
    said = {**PROBLEM, "code": code, "status": status, "retryable": False, **more}
    headers = {"content-type": "application/problem+json"}
    return status, headers, json.dumps(said, separators=(",", ":")).encode()


LOST = (-1, {}, b"")


def requests_on(log: AnsweringLog) -> int:
    return len(list(log.read(topics.REQUESTS)))


def test_a_client_without_a_key_is_told_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNFOLD_API_KEY", raising=False)
    with pytest.raises(runfold.InvalidError, match="pass api_key or set RUNFOLD_API_KEY"):
        runfold.connect_http("http://127.0.0.1:1")


def test_a_request_whose_answer_was_lost_leads_to_one_run() -> None:
    with broken(LOST, LOST, problem("unavailable", 503, retryable=True)) as (server, key, log):
        with runfold.connect_http(server.url, api_key=key) as client:
            run = client.run("choose", agent="worker", limits=Limits(max_model_calls=3))
            assert run.status().run_id == run.id
        keys = {
            headers["idempotency-key"] for method, _, headers, _ in server.seen if method == "POST"
        }
        assert len([1 for method, *_ in server.seen if method == "POST"]) == 4
        assert len(keys) == 1
        # The first two arrived: they are one run.
        ids = {entry.key for entry in log.read(topics.REQUESTS)}
        assert len(ids) == 1


def test_two_requests_are_two_runs_and_one_with_its_own_id_is_one() -> None:
    with broken() as (server, key, _), runfold.connect_http(server.url, api_key=key) as client:
        first, second = client.run("a", agent="worker"), client.run("a", agent="worker")
        assert first.id != second.id
        own = uuid7()
        assert client.run("a", agent="worker", run_id=own).id == own
        assert client.run("a", agent="worker", run_id=own).id == own
        assert "idempotency-key" not in server.seen[-1][2]


def test_a_control_that_may_have_arrived_is_not_sent_again() -> None:
    with broken() as (server, key, log):
        log.tell((asked(), ASKS))
        with runfold.connect_http(server.url, api_key=key) as client:
            run = client.get(RUN)
            server.script[:] = [LOST]
            with pytest.raises(runfold.UnavailableError, match="may have arrived"):
                run.tell("hello")
            assert len(server.seen) == 1
            # What was surely not taken is.
            server.script[:] = [(429, {"retry-after": "0"}, b"{}")]
            assert run.tell("again").type
            assert len(server.seen) == 3


def test_retries_are_bounded_in_number_and_time_and_wait_as_they_are_told() -> None:
    busy = (429, {"retry-after": "1"}, problem("too_many_requests", 429, retryable=True)[2])
    with broken(busy, busy) as (server, key, log):
        log.tell((asked(), LOOKS))
        with runfold.connect_http(server.url, api_key=key) as client:
            began = time.monotonic()
            assert client.get(RUN).status().seq
            assert time.monotonic() - began >= 2
        hour = (429, {"retry-after": "3600"}, busy[2])
        server.script[:] = [hour]
        with (
            runfold.connect_http(server.url, api_key=key) as client,
            pytest.raises(runfold.RetryError) as found,
        ):
            client.get(RUN).status()
        assert found.value.code == "too_many_requests"
        assert found.value.retryable
        away = problem("unavailable", 503, retryable=True)
        server.script[:] = [away] * 9
        with (
            runfold.connect_http(server.url, api_key=key, attempts=3) as client,
            pytest.raises(runfold.UnavailableError),
        ):
            client.get(RUN).status()
        assert len(server.script) == 6


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("invalid", 422, runfold.InvalidError),
        ("malformed", 400, runfold.InvalidError),
        ("not_found", 404, runfold.NotFoundError),
        ("run_ended", 409, runfold.RunEndedError),
        ("in_doubt", 409, runfold.InDoubtError),
        ("unauthenticated", 401, runfold.ForbiddenError),
        ("forbidden", 403, runfold.ForbiddenError),
        ("a_code_of_tomorrow", 418, runfold.RefusedError),
        ("internal", 500, runfold.RefusedError),
    ],
)
def test_a_problem_is_an_error_with_its_code(code: str, status: int, kind: type[Exception]) -> None:
    with broken(problem(code, status, run_id=RUN)) as (server, key, _):
        with runfold.connect_http(server.url, api_key=key) as client:
            with pytest.raises(kind) as found:
                client.get(RUN).status()
            error: Any = found.value
            assert (error.code, error.run_id, str(error)) == (code, RUN, "Do this.")
            assert error.problem["request_id"] == "r"
            assert not error.retryable
            assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        ((502, {}, b"<html>bad gateway"), runfold.UnavailableError, "No gateway is behind"),
        ((403, {}, b"<html>"), runfold.ForbiddenError, "before the gateway"),
        ((302, {"location": "http://127.0.0.1:1/"}, b""), runfold.RefusedError, "no gateway"),
        ((200, {}, b"<html>hello"), runfold.UnavailableError, "no JSON"),
        ((200, {}, b"[" * 100_000), runfold.UnavailableError, "no JSON"),
        ((200, {}, b'{"run_id": 7}'), runfold.UnavailableError, "no RunDetail"),
    ],
)
def test_what_is_no_gateway_is_said(
    answer: tuple[int, dict[str, str], bytes], kind: type[Exception], says: str
) -> None:
    with broken(*[answer] * 3) as (server, key, _):
        with (
            runfold.connect_http(server.url, api_key=key, attempts=2) as client,
            pytest.raises(kind, match=says),
        ):
            client.get(RUN).status()
        assert not [1 for _, path, *_ in server.seen if not path.startswith("/runs")]


def test_what_a_newer_gateway_adds_is_passed_over_and_amounts_keep_their_digits() -> None:
    with serving(answering(asked(), done())) as served:
        client = served.client()
        found = client.get(f"/runs/{RUN}").json()
    found |= {"new_of_tomorrow": 1, "cost_usd": "COST"}
    found["used"] |= {"also_new": [1]}
    body = json.dumps(found).replace('"COST"', "0.123456789012345678").encode()
    with broken((200, {"content-type": "application/json"}, body)) as (server, key, _):
        with runfold.connect_http(server.url, api_key=key) as made:
            assert str(made.get(RUN).status().cost_usd) == "0.123456789012345678"


def test_a_stream_that_breaks_goes_on_behind_what_is_known() -> None:
    with serving(answering(asked(), done())) as served:
        whole = served.client().get(f"/runs/{RUN}/events").json()["events"]
        said = [f"id: {e['seq']}\nevent: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in whole]
    head = {"content-type": "text/event-stream", "content-length": "999999"}
    first = (200, head, "".join(said[:3]).encode() + b"id: 4\nda")
    again = (200, {"content-type": "text/event-stream"}, "".join(said[2:5]).encode())
    rest = (200, {"content-type": "text/event-stream"}, "".join(said[5:]).encode())
    with broken(first, problem("too_busy", 503, retryable=True), again, rest) as (server, key, _):
        with runfold.connect_http(server.url, api_key=key) as client:
            seen = [event.seq for event in client.get(RUN).events(follow=True, timeout=60)]
        assert seen == [event["seq"] for event in whole]
        asked_after = [headers["last-event-id"] for _, _, headers, _ in server.seen]
        assert asked_after == ["0", "3", "3", "5"]


@pytest.mark.parametrize("form", ["blocking", "asyncio"])
def test_following_ends_quietly_at_its_time(form: str) -> None:
    with serving(answering(asked(), ASKS)) as served:
        key = served.key(TENANT, "person-1")
        began = time.monotonic()
        if form == "blocking":
            with runfold.connect_http(served.url, api_key=key) as client:
                run = client.get(RUN)
                count = len(list(run.events(follow=True, timeout=1)))
                with pytest.raises(runfold.NotYetError):
                    run.wait(timeout=0.5)
        else:

            async def follow() -> int:
                async with await runfold.connect_http_async(served.url, api_key=key) as client:
                    run = client.get(RUN)
                    found = [event async for event in run.events(follow=True, timeout=1)]
                    with pytest.raises(runfold.NotYetError):
                        await run.wait(timeout=0.5)
                    return len(found)

            count = asyncio.run(follow())
        assert count > 2
        assert time.monotonic() - began < 30


def test_what_cannot_be_an_address_or_a_key_is_refused() -> None:
    for url, key in (("kafka:9092", "k"), ("ftp://x", "k"), ("http://", "k"), ("http://x", "ü")):
        with pytest.raises(runfold.InvalidError):
            runfold.connect_http(url, api_key=key)


def test_without_a_gateway_here_it_says_what_to_give(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path))
    with pytest.raises(runfold.UnavailableError, match="RUNFOLD_HTTP_URL"):
        runfold.connect_http()


def test_a_stream_in_any_pieces_is_the_same() -> None:
    text = b": beat\n\nid: 1\nevent: A\ndata: {\ndata: }\n\nretry: 5\n\n"
    text += b"id: 2\r\ndata:x\r\n\r\nid: 3\n\n"
    wanted = [("1", "A", "{\n}"), ("2", "", "x")]
    for size in (1, 2, 3, 7, len(text)):
        parser, found = Parser(), []
        for at in range(0, len(text), size):
            found += [(m.id, m.event, m.data) for m in parser.feed(text[at : at + size])]
        assert found == wanted
