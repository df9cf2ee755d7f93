"""Requests to addresses that strangers chose: none reaches what is not public."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

import pytest

from runfold.infra.http.addresses import refusal_of
from runfold.infra.http.outgoing import (
    Answer,
    NoAnswerError,
    Outgoing,
    OutgoingRules,
    RefusedTargetError,
)
from tests.delivery.receiver import Got, Receiver, accepts, plain

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
OPEN = OutgoingRules(plain=True, networks=LOOPBACK, ports=None)


def post(url: str, rules: OutgoingRules = OPEN, timeout_s: float = 20.0) -> Answer:
    async def sent() -> Answer:
        async with Outgoing(rules) as outgoing:
            return await outgoing.post(url, b"{}", {"content-type": "application/json"}, timeout_s)

    return asyncio.run(sent())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.3.4", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1",
        "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::1",
        "64:ff9b:1:7f00:0:100:808:808", "64:ff9b:1::808:808",
        "2002:a9fe:a9fe::1", "2001:0:7f00:1::1", "2001:db8::1", "not an address", "",
    ],
)  # fmt: skip
def test_no_request_goes_to_an_address_that_is_not_public(address: str) -> None:
    assert refusal_of(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::808:808"])
def test_public_addresses_are_reached(address: str) -> None:
    assert not refusal_of(address)


def test_the_operator_lets_a_network_in_by_its_inner_address() -> None:
    assert not refusal_of("::ffff:127.0.0.1", LOOPBACK)
    assert refusal_of("10.0.0.1", LOOPBACK)
    # The outer address is still of no public network.
    assert refusal_of("::127.0.0.1", LOOPBACK)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://example.com/", "must begin with https://"),
        ("ftp://example.com/", "must begin with https://"),
        ("https:///path", "names no host"),
        ("https://user:word@example.com/", "a user or a password"),
        ("https://example.com:22/", "port 22"),
        ("https://example.com:99999/", "is no address"),
        ("https://127.0.0.1/", "not an address of the public internet"),
        ("https://[::1]/", "not an address of the public internet"),
        ("https://127.1/", "is no address"),
        ("https://2130706433/", "is no address"),
        ("https://0x7f000001/", "is no address"),
        ("https://0x7f.1/", "is no address"),
        ("https://exa mple.com/", "visible ASCII"),
        ("https://example.com/\r\nx: y", "visible ASCII"),
        ("https://example.com/" + "a" * 2000, "at most 2000"),
    ],
)
def test_an_address_is_refused_as_it_is_written(url: str, says: str) -> None:
    with pytest.raises(RefusedTargetError, match=says):
        OutgoingRules().check(url)


def test_a_name_that_stands_for_a_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def resolved(self: Any, host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        at = ("93.184.216.34", port), ("127.0.0.1", port)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", each) for each in at]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", resolved)
    with Receiver(accepts) as receiver, pytest.raises(RefusedTargetError) as refused:
        post(f"http://rebound.example:{receiver.port}/", OutgoingRules(plain=True, ports=None))
    # Whoever chose the name does not learn what it stands for within the operator's network.
    assert "127.0.0.1" not in str(refused.value)
    assert "rebound.example" in str(refused.value)
    assert asked == ["rebound.example"]
    assert receiver.got == []


def test_the_socket_itself_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OutgoingRules, "check", lambda self, url: None)
    with Receiver(accepts) as receiver, pytest.raises(RefusedTargetError, match="not an address"):
        post(receiver.url(), OutgoingRules(plain=True, ports=None))
    assert receiver.got == []


def test_a_redirect_is_an_answer() -> None:
    with Receiver(accepts) as inner:

        async def redirects(_got: Got, writer: asyncio.StreamWriter) -> None:
            writer.write(plain(307, b"", f"location: {inner.url('/inside')}", "set-cookie: a=b"))

        with Receiver(redirects) as outer:
            assert post(outer.url()).status == 307
    assert inner.got == []


def test_an_answer_is_read_to_a_bound_and_never_inflated() -> None:
    async def endless(_got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"\x1f\x8b" + b"x" * 60_000)
            await writer.drain()

    with Receiver(endless) as receiver:
        answer = post(receiver.url())
    assert (answer.status, len(answer.body), answer.body[:2]) == (200, 2048, b"\x1f\x8b")


def test_a_receiver_that_stalls_or_trickles_is_left() -> None:
    async def trickles(_got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    with Receiver(trickles) as receiver, pytest.raises(NoAnswerError) as raised:
        post(receiver.url(), timeout_s=0.5)
    assert (raised.value.kind, raised.value.sent) == ("timeout", True)


@pytest.mark.parametrize(
    "lie",
    [
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\n" + b"a: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: ten\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"",
    ],
)
def test_what_is_no_answer_is_no_answer(lie: bytes) -> None:
    async def lies(_got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(lie)
        writer.close()

    with Receiver(lies) as receiver, pytest.raises(NoAnswerError) as raised:
        post(receiver.url())
    assert raised.value.kind == "broken"


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NoAnswerError) as raised:
        post(f"http://127.0.0.1:{port}/")
    assert (raised.value.kind, raised.value.sent) == ("connect", False)


def test_what_a_receiver_asks_for_is_heard() -> None:
    async def waits(_got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(plain(429, b"", "retry-after: 120"))

    with Receiver(waits) as receiver:
        assert post(receiver.url()).retry_after_s == 120.0
