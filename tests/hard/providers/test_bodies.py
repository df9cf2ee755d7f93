"""The bytes of an answer: bounded in memory and time, whatever a server makes of them [25]."""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from runfold.events.calls import ModelResult, Outcome
from runfold.processors.model.providers.faults import ProviderFaultError
from runfold.processors.model.providers.settings import ModelSettings, Provider
from runfold.processors.model.providers.streams.chat import ChatAssembly
from runfold.processors.model.providers.streams.events import events
from runfold.processors.model.providers.streams.reading import decoded, read
from tests.model import server
from tests.model.given import call, settings, work
from tests.model.server import Answer, chat
from tests.tool.given import Bench, builtin, error_type, said

MOST_MEMORY = 40_000_000
INFLATED = 300_000_000


def _nested(levels: int = 2) -> bytes:
    """About a kilobyte that inflates to ``INFLATED`` bytes in as many levels."""
    packer = zlib.compressobj(9, wbits=31)
    piece = bytes(1_000_000)
    found = b"".join(packer.compress(piece) for _ in range(INFLATED // len(piece)))
    found += packer.flush()
    for _ in range(levels - 1):
        found = gzip.compress(found, 9)
    return found


@pytest.fixture(scope="module")
def bomb() -> bytes:
    found = _nested()
    assert len(found) < 5_000
    return found


@pytest.fixture
def openai() -> Iterator[server.Provider]:
    with server.provider() as found:
        yield found


def _settings(openai: server.Provider) -> ModelSettings:
    return settings(OPENAI_BASE_URL=openai.address)


def _peak(what: Any) -> tuple[Any, int]:
    tracemalloc.start()
    try:
        found = what()
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip", "deflate", "br", "zstd", "x" * 900])
def test_an_encoded_answer_is_refused_and_never_inflated(
    openai: server.Provider, bomb: bytes, encoding: str, status: int
) -> None:
    openai.will(Answer(status, bomb, {"Content-Encoding": encoding}))
    found, peak = _peak(lambda: call(work(timeout_ms=60_000), _settings(openai)))
    assert isinstance(found, ModelResult)
    assert openai.asked[0].headers["accept-encoding"] == "identity"
    assert found.error is not None
    if status == 200:
        assert found.error.error_type == "malformed_response"
        assert f"in the encoding '{encoding[:40]}'" in found.error.message
        assert "without any" in found.error.message
    else:
        assert found.error.error_type == "provider_error"
        assert "a body in the encoding" in found.error.message
    assert peak < MOST_MEMORY


def test_an_answer_said_to_be_as_it_is_is_read(openai: server.Provider) -> None:
    openai.will(Answer(body=chat("ok"), headers={"Content-Encoding": "identity"}))
    assert call(work(), _settings(openai)).outcome is Outcome.SUCCEEDED


def test_a_text_of_nothing_but_lists_takes_no_memory(openai: server.Provider) -> None:
    openai.will(Answer(body=b'{"choices":[' + b"{}," * 1_300_000 + b"{}]}"))
    found, peak = _peak(lambda: call(work(timeout_ms=60_000), _settings(openai)))
    assert found.error is not None
    assert "lists and objects" in found.error.message
    assert peak < MOST_MEMORY


class _Pieces:
    """Bytes that come in small pieces; ``taken`` counts those that were read."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._size = data, size
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), self._size):
            self.taken += 1
            yield self._data[start : start + self._size]


@pytest.mark.parametrize(
    "form",
    [
        lambda n: b"data: " + b"x" * n,  # one line without an end
        lambda n: b" " * n,
        lambda n: b"{" + b"x" * n,
        lambda n: b"data: {}\n" * (n // 9),  # one event without an end
        lambda n: b"\r" * n,
    ],
)
def test_each_byte_of_an_answer_is_looked_at_once(form: Any) -> None:
    """A reader that goes back at every piece copies 300 GB here, and meets the suite's time-out."""
    data = form(1_000_000)
    pieces = _Pieces(data, 2)
    with suppress(ProviderFaultError):
        asyncio.run(read(aiter(pieces), "", ChatAssembly(), time.monotonic))
    assert pieces.taken == -(-len(data) // 2)


def test_pieces_of_one_answer_are_joined_once() -> None:
    """Content, arguments and reasoning of a hundred thousand pieces each."""
    assembly = ChatAssembly()
    for at in range(100_000):
        function = {"name": "look", "arguments": "x"}
        parts = [{"index": 0, "id": "c", "function": function if at else {"name": "look"}}]
        details = [{"type": "reasoning.text", "index": 0, "text": "y"}]
        delta = {"content": "z", "tool_calls": parts, "reasoning_details": details}
        assembly.take({"choices": [{"delta": delta}]})
    assembly.take({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    body = assembly.body()
    assert body is not None
    message = body["choices"][0]["message"]
    assert len(message["content"]) == 100_000
    assert len(message["tool_calls"][0]["function"]["arguments"]) == 99_999
    assert len(message["reasoning_details"][0]["text"]) == 100_000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le"])
def test_a_byte_order_mark_is_no_part_of_the_answer(encoding: str) -> None:
    assert decoded('{"a": "ü"}'.encode(encoding)) == {"a": "ü"}


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert decoded(b'{"a": "\xff"}') == {"a": "\N{REPLACEMENT CHARACTER}"}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_events_end_in_any_way(size: int, end: str) -> None:
    lines = ['﻿data: {"a": 1}', "", "event: error", "data: no", "", "data: [DONE]", "", ""]

    async def found() -> list[dict[str, Any]]:
        data = end.join(lines).encode()
        return [event async for event in events(aiter(_Pieces(data, size)))]

    assert asyncio.run(found()) == [{"a": 1}, {"error": "no"}, {"object": "[DONE]"}]


class Site(BaseHTTPRequestHandler):
    """A page with the headers and bytes that a test gives."""

    headers_sent: ClassVar[dict[str, str]] = {}
    body: ClassVar[bytes] = b""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers["accept-encoding"])
        self.send_response(302 if "location" in self.headers_sent else 200)
        for name, value in {**self.headers_sent, "content-length": str(len(self.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@pytest.fixture
def site() -> Iterator[str]:
    Site.asked.clear()
    found = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"127.0.0.1:{found.server_address[1]}"
    found.shutdown()
    thread.join()
    found.server_close()


def _get(site: str) -> Any:
    bench = Bench(builtin("http.get", allow=[site], allow_private=True))
    return bench.call({"url": f"http://{site}/"})


def test_an_encoded_page_is_refused_and_never_inflated(site: str, bomb: bytes) -> None:
    Site.headers_sent, Site.body = {"content-encoding": "gzip, gzip"}, bomb
    found, peak = _peak(lambda: _get(site))
    assert Site.asked == ["identity"]
    assert error_type(found) == "unreadable"
    assert "in the encoding 'gzip, gzip'" in found.error.message
    assert peak < MOST_MEMORY


@pytest.mark.parametrize(
    ("charset", "body", "text"),
    [
        ("iso-8859-1", b"\xfc", "ü"),
        ("unicode_escape", rb"\u0041", r"\u0041"),
        ("punycode", b"a-b", "a-b"),
        ("utf-7", b"+AEE-", "+AEE-"),
        ("no-such-thing", b"a", "a"),
        ("rot13", b"a", "a"),
    ],
)
def test_only_the_encodings_of_pages_are_used(
    site: str, charset: str, body: bytes, text: str
) -> None:
    Site.headers_sent, Site.body = {"content-type": f"text/plain; charset={charset}"}, body
    assert said(_get(site))["text"] == text


@pytest.mark.parametrize("onward", ["http://[::1", "http://a:b:c/", "//\x00/"])
def test_a_redirect_to_what_is_no_address_is_refused(site: str, onward: str) -> None:
    Site.headers_sent, Site.body = {"location": onward}, b""
    assert error_type(_get(site)) in {"denied", "unavailable"}


@pytest.mark.parametrize("key", ["sk-a\N{ZERO WIDTH SPACE}b", "sk-ü", "sk-a\nb", "sk a", "sk-\x00"])
def test_a_key_that_no_header_carries_is_named_by_its_place(
    openai: server.Provider, key: str
) -> None:
    openai.will(Answer(body=chat("ok")))
    given = Provider("openai", "openai", openai.address, "m", key=key, key_env="OPENAI_API_KEY")
    found = call(work(), ModelSettings({"openai": given}))
    assert found.error is not None
    assert found.error.error_type == "not_configured"
    assert "OPENAI_API_KEY holds U+" in found.error.message
    assert key not in found.error.message
