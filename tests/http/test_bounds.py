"""What a client may send, and how slowly: bytes on a socket, as no library would send them."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from runfold.events.avro.samples import sample
from runfold.events.contents.content import text
from runfold.events.run.lifecycle import UserMessageReceived
from runfold.producers.identity import uuid7
from runfold.surfaces.http.access.identity import LOOPBACK
from runfold.surfaces.http.access.limits import Limits, Use
from runfold.surfaces.http.app import make_app
from runfold.surfaces.http.refusals.problems import Problem
from tests.deciders.given import RUN, TENANT
from tests.http.serving import Served, serving
from tests.http.test_streams import put
from tests.support.stack import wait_until

CHUNKED = b"POST /runs HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
BODY = b'{"goal":"find out","agent":"worker"}'


@pytest.fixture
def impatient() -> Iterator[Served]:
    """A gateway that waits for nobody for longer than half a second."""
    with serving(limits=Limits(idle_s=0.5, body_bytes=10_000, heartbeat_s=0.05)) as found:
        yield found


def connected(served: Served) -> socket.socket:
    place = urlsplit(served.url)
    assert place.hostname
    assert place.port
    return socket.create_connection((place.hostname, place.port), timeout=20)


def head(served: Served, *more: str, method: str = "POST", path: str = "/runs") -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "host: gateway",
        f"authorization: Bearer {served.key()}",
        "content-type: application/json",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def said(sock: socket.socket) -> tuple[int, Any]:
    """The status and the body of the one answer that comes before the end."""
    data = b""
    while piece := sock.recv(65536):
        data += piece
    first, _, body = data.partition(b"\r\n\r\n")
    status = int(first.split()[1])
    try:
        return status, json.loads(body)
    except ValueError:
        return status, None


def test_two_lengths_of_one_body_are_refused(served: Served) -> None:
    with closing(connected(served)) as sock:
        lengths = (f"content-length: {len(BODY)}", "transfer-encoding: chunked")
        chunk = f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"
        sock.sendall(head(served, *lengths, "connection: close") + chunk)
        status, body = said(sock)
    assert (status, body["code"]) == (400, "malformed")
    assert list(served.log.read("runs.requests")) == []


@pytest.mark.parametrize(
    "lines",
    [
        ("content-length: 3", "content-length: 4"),
        ("content-length: +3",),
        ("content-length: 3 4",),
        ("transfer-encoding: gzip, chunked",),
        ("transfer-encoding: xchunked",),
        ("content-length : 3",),
        ("x-bad: a\x00b",),
    ],
)
def test_what_a_proxy_could_read_otherwise_is_refused(
    served: Served, lines: tuple[str, ...]
) -> None:
    with closing(connected(served)) as sock:
        sock.sendall(head(served, *lines) + b"abc")
        status, _ = said(sock)
    assert status in {400, 501}


def test_a_request_hidden_in_a_body_is_not_served(served: Served) -> None:
    hidden = b"POST /runs HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
    with closing(connected(served)) as sock:
        sock.sendall(head(served, f"content-length: {len(hidden)}", "connection: close") + hidden)
        status, body = said(sock)
    assert (status, body["code"]) == (400, "malformed")
    assert list(served.log.read("runs.requests")) == []


def test_a_client_that_sends_no_head_is_cut(impatient: Served) -> None:
    with closing(connected(impatient)) as quiet, closing(connected(impatient)) as slow:
        slow.sendall(head(impatient)[:-2])
        assert (quiet.recv(1), _rest(slow)) == (b"", b"")


def _rest(sock: socket.socket) -> bytes:
    try:
        return sock.recv(1)
    except ConnectionResetError:
        return b""


def test_a_client_that_sends_its_body_too_slowly_is_told_so(impatient: Served) -> None:
    with closing(connected(impatient)) as sock:
        sock.sendall(head(impatient, "content-length: 1000"))
        for _ in range(5):
            sock.sendall(b" ")
        status, body = said(sock)
    assert (status, body["code"], body["retryable"]) == (408, "too_slow", True)


def test_a_body_that_is_too_large_is_not_read(impatient: Served) -> None:
    with closing(connected(impatient)) as sock:
        sock.sendall(head(impatient, "content-length: 10001"))
        status, body = said(sock)
    assert (status, body["code"]) == (413, "too_large")
    with closing(connected(impatient)) as sock:
        sock.sendall(head(impatient, "transfer-encoding: chunked"))
        sock.sendall(b"2711\r\n" + b" " * 10_001 + b"\r\n")
        status, body = said(sock)
    assert (status, body["code"]) == (413, "too_large")


def test_a_listener_that_does_not_read_is_cut(served: Served) -> None:
    said = sample(UserMessageReceived)
    assert isinstance(said, UserMessageReceived)
    large, run = said.model_copy(update={"content": text("x" * 200_000)}), uuid7()
    for seq in range(1, 101):
        put(served.log, run, seq, large)
    limits = Limits(idle_s=0.5, heartbeat_s=0.1)
    with serving(served.log, limits=limits) as other, closing(connected(other)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        path = f"/runs/{run}/events"
        sock.sendall(head(other, "accept: text/event-stream", method="GET", path=path))
        wait_until(lambda: other.gateway.use.listeners == 1)
        # Its buffers fill, and then nothing moves.
        wait_until(lambda: other.gateway.use.listeners == 0, 60)
        # It is closed at once, and not when its peer has read what waits for it.
        wait_until(lambda: not other.server.server_state.connections)


def test_many_headers_and_a_long_path_are_refused(client: httpx.Client) -> None:
    many = {f"x-{number}": "1" for number in range(101)}
    answer = client.get("/identity", headers=many)
    assert (answer.status_code, answer.json()["code"]) == (431, "too_many_headers")
    answer = client.get(f"/runs?agent={'x' * 9000}")
    assert (answer.status_code, answer.json()["code"]) == (414, "uri_too_long")


def test_a_key_has_a_rate() -> None:
    with serving(limits=Limits(rate=1)) as served:
        client, other = served.client(), served.client(user="bob")
        answers = [client.get("/identity") for _ in range(14)]
        assert other.get("/identity").status_code == 200
    refused = [each for each in answers if each.status_code == 429]
    assert 0 < len(refused) < 14
    assert refused[0].json()["code"] == "too_many_requests"
    assert int(refused[0].headers["retry-after"]) >= 1


def test_one_tenant_leaves_streams_to_the_others() -> None:
    use = Use(Limits(listeners=20))
    leave = [use.listen("acme") for _ in range(18)]
    with pytest.raises(Problem, match="18 of them yours"):
        use.listen("acme")
    others = [use.listen("umbrella") for _ in range(2)]
    with pytest.raises(Problem, match="20 streams"):
        use.listen("umbrella")
    for each in (*leave, *others):
        each()
    assert (use.listeners, use._listening) == (0, {})


def test_streams_are_bounded(served: Served) -> None:
    with serving(served.log, limits=Limits(listeners=1, heartbeat_s=0.05)) as other:
        client, stream = other.client(), {"accept": "text/event-stream"}
        with client.stream("GET", f"/runs/{RUN}/events", headers=stream) as first:
            assert first.status_code == 200
            answer = client.get(f"/runs/{RUN}/events", headers=stream)
            assert (answer.status_code, answer.json()["code"]) == (503, "too_busy")


def test_who_guesses_a_key_is_held_up_and_its_owner_is_not() -> None:
    with serving() as served:
        key = served.key()
        guess = key[:-4] + ("AAAA" if not key.endswith("AAAA") else "BBBB")
        guesser, owner = served.client(key=guess), served.client(key=key)
        statuses = [guesser.get("/identity").status_code for _ in range(8)]
        assert statuses == [401] * 5 + [429] * 3
        assert served.client().get("/identity").status_code == 200
        until = time.monotonic() + 30
        while owner.get("/identity").status_code != 200:
            assert time.monotonic() < until


def test_a_revoked_an_expired_and_a_rotated_key(served: Served) -> None:
    now = datetime.now(UTC)
    key = served.key()
    client, key_id = served.client(key=key), key[3:15]
    new, kept = served.keys.rotate(key_id, "1h", now)
    assert client.get("/identity").status_code == 200
    assert served.client(key=str(new)).get("/identity").status_code == 200
    served.keys.revoke(key_id, now)
    assert client.get("/identity").json()["code"] == "unauthenticated"
    old, _ = served.keys.rotate(kept.key_id, "0", now)
    assert served.client(key=str(new)).get("/identity").status_code == 401
    assert served.client(key=str(old)).get("/identity").status_code == 200
    assert served.keys.list()[0].last_used_at is not None


@pytest.mark.parametrize(("peer", "status"), [("127.0.0.1", 200), ("::1", 200), ("10.0.0.9", 401)])
def test_a_key_of_this_machine_lets_nobody_in_from_elsewhere(
    served: Served, peer: str, status: int
) -> None:
    key = served.key(scopes=("*", LOOPBACK))

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(make_app(served.gateway), client=(peer, 1))
        headers = {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://gateway", headers=headers
        ) as client:
            return [(await client.get("/identity")).status_code for _ in range(2)]

    # The second time the key is remembered.
    served.gateway.door.keys._believed_s = 60
    assert asyncio.run(ask()) == [status] * 2


def test_pipelined_requests_are_answered_in_order_and_none_is_made_up(served: Served) -> None:
    first = head(served, method="GET", path="/identity")
    second = head(served, "connection: close", method="GET", path=f"/runs/{RUN}")
    with closing(connected(served)) as sock:
        sock.sendall(first + second)
        data = b""
        while piece := sock.recv(65536):
            data += piece
    assert data.count(b"HTTP/1.1 200") == 2
    assert data.index(b'"user_id":"ada"') < data.index(b'"card"')


@pytest.mark.parametrize(
    "raw",
    [
        CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"-1\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"f" * 40 + b"\r\nabc",
        b"POST /runs HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /runs HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"POST /runs HTTP/1.1\r\nhost: x\r\ntransfer-encoding: identity\r\n\r\n",
        b"POST /runs HTTP/1.1\r\nhost: x\r\n content-length: 3\r\n\r\nabc",
        b"POST /runs HTTP/1.1\r\nhost: x\r\nbad header: 3\r\n\r\n",
        b"POST /runs HTTP/1.1\r\nhost: x\rcontent-length: 3\r\n\r\n",
        b"POST /runs HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
        b"POST /runs HTTP/1.1\r\n\r\n",
        b"POST  /runs HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /runs HTTP/9.9\r\nhost: x\r\n\r\n",
        b"POST /runs\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\x00" * 100 + b"\r\n\r\n",
    ],
)
def test_what_is_no_request_of_http_reaches_no_route(impatient: Served, raw: bytes) -> None:
    with closing(connected(impatient)) as sock:
        sock.sendall(raw)
        data = b""
        try:
            while piece := sock.recv(65536):
                data += piece
        except ConnectionResetError:
            pass
    # It is refused, or the connection is cut; and whoever comes next is served.
    assert data == b"" or 400 <= int(data.split()[1]) < 500 or data.split()[1] in {b"501", b"505"}
    assert data.count(b"HTTP/1.1 ") <= 1
    assert impatient.client().get("/identity").status_code == 200
    assert list(impatient.log.read("runs.requests")) == []


def test_an_upgrade_is_no_way_around(served: Served) -> None:
    said_so = ("upgrade: h2c", "http2-settings: AAMAAABk", "connection: upgrade, http2-settings")
    for more in (said_so, ("upgrade: websocket", "connection: upgrade")):
        with closing(connected(served)) as sock:
            sock.sendall(head(served, *more, method="GET", path="/identity"))
            first = sock.recv(65536)
        assert first.startswith(b"HTTP/1.1 200") or 400 <= int(first.split()[1]) < 500
        assert b"101 Switching" not in first


def test_half_open_connections_are_let_go(impatient: Served) -> None:
    held = [connected(impatient) for _ in range(50)]
    try:
        for number, sock in enumerate(held):
            match number % 3:
                case 0:
                    sock.sendall(b"GET /ident")
                case 1:
                    sock.sendall(head(impatient, "content-length: 100")[:-2])
                case _:
                    # It says that it sends no more, and waits.
                    sock.sendall(b"POST /runs HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab")
                    sock.shutdown(socket.SHUT_WR)
        assert impatient.client().get("/identity").status_code == 200
        wait_until(lambda: len(impatient.server.server_state.connections) <= 1, 60)
    finally:
        for sock in held:
            sock.close()


def test_who_goes_away_in_mid_request_leaves_nothing_under_way(impatient: Served) -> None:
    for _ in range(20):
        sock = connected(impatient)
        sock.sendall(head(impatient, "content-length: 1000") + b'{"goal"')
        sock.close()
    wait_until(lambda: not impatient.gateway.use._under_way, 60)
    assert impatient.gateway.use.held == 0


def test_one_replay_of_a_tenant_at_a_time_and_few_of_all() -> None:
    with serving() as served:
        use, own, other = served.gateway.use, served.client(), served.client(tenant="umbrella")
        said = {"from": "earliest"}
        with use.replaying(TENANT):
            busy = own.post("/webhooks/hook/replay", json=said)
            assert (busy.status_code, busy.json()["code"]) == (503, "too_busy")
            assert busy.headers["retry-after"]
            assert other.post("/webhooks/hook/replay", json=said).status_code == 404
            with use.replaying("initech"):
                assert other.post("/webhooks/hook/replay", json=said).status_code == 503
        assert own.post("/webhooks/hook/replay", json=said).status_code == 404


def test_a_replay_from_no_offset_of_a_journal_is_refused() -> None:
    with serving() as served:
        for start in ("0:9223372036854775808", "4294967296:0", "0:+1"):
            answer = served.client().post("/webhooks/hook/replay", json={"from": start})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), start
