"""http.get reaches the sites on its list and nothing else, against a real local server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from runfold.events.calls import Outcome
from tests.tool.given import Bench, builtin, error_type, said


class Site(BaseHTTPRequestHandler):
    """Answers by path; keeps what was asked."""

    asked: list[tuple[str, str]] = []  # noqa: RUF012  one server a session

    def do_GET(self) -> None:
        self.asked.append((self.headers["host"], self.path))
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        status = int(self.path.rpartition("/")[2]) if self.path.startswith("/status/") else 200
        body = b"x" * 50_000 if self.path == "/large" else b"hello"
        self.send_response(status)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Site.asked.clear()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def _bench(*allow: str, private: bool = True) -> Bench:
    return Bench(builtin("http.get", allow=list(allow), allow_private=private))


def test_an_allowed_page_is_fetched(site: str) -> None:
    found = said(_bench(site).call({"url": f"http://{site}/page"}))
    assert (found["status"], found["text"], found["truncated"]) == (200, "hello", False)
    assert Site.asked == [(site, "/page")]


def test_a_missing_page_is_an_answer_and_a_broken_server_is_not(site: str) -> None:
    assert said(_bench(site).call({"url": f"http://{site}/status/404"}))["status"] == 404
    result = _bench(site).call({"url": f"http://{site}/status/503"})
    assert result.error is not None
    assert (result.outcome, result.error.retryable) == (Outcome.FAILED, True)


def test_a_large_page_is_cut(site: str) -> None:
    found = said(_bench(site).call({"url": f"http://{site}/large", "max_bytes": 100}))
    assert (found["bytes"], found["truncated"]) == (100, True)


def _denied(bench: Bench, url: str) -> None:
    assert error_type(bench.call({"url": url})) == "denied"


@pytest.mark.parametrize(
    "url",
    [
        "http://{site}@{site}/",
        "ftp://{site}/",
        "file:///etc/passwd",
        "http://localhost/",
        "https://example.org.evil.test/",
        "gopher://{site}/_",
    ],
)
def test_what_is_not_on_the_list_is_never_asked(site: str, url: str) -> None:
    _denied(_bench(site, "example.org"), url.format(site=site))
    assert Site.asked == []


def test_nothing_is_allowed_unless_the_contract_says_so(site: str) -> None:
    _denied(_bench(), f"http://{site}/")
    assert Site.asked == []


@pytest.mark.parametrize("onward", ["http://127.0.0.1:1/", "file:///etc/passwd", "//evil.test/"])
def test_a_redirect_off_the_list_is_not_followed(site: str, onward: str) -> None:
    _denied(_bench(site), f"http://{site}/to/{onward}")
    assert len(Site.asked) == 1


def test_a_redirect_on_the_list_is_followed(site: str) -> None:
    found = said(_bench(site).call({"url": f"http://{site}/to/http://{site}/page"}))
    assert (found["url"], found["text"]) == (f"http://{site}/page", "hello")


def test_redirects_come_to_an_end(site: str) -> None:
    chain = "/to/" * 9
    _denied(_bench(site), f"http://{site}{chain}/page")


def test_a_private_address_needs_leave_of_its_own(site: str) -> None:
    _denied(_bench(site, private=False), f"http://{site}/")
    assert Site.asked == []


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "169.254.169.254", "::1", "100.64.0.1", "224.0.0.1", "168.63.129.16", "fec0::1"],
)
def test_a_name_that_stands_for_a_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    def resolve(*_args: Any, **_more: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    _denied(_bench("inside.example.org", private=False), "http://inside.example.org/")


def test_names_below_a_starred_domain_are_on_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_args: Any, **_more: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    bench = _bench("*.example.org")
    assert error_type(bench.call({"url": "http://docs.example.org/"})) == "unavailable"
    _denied(bench, "http://example.org.evil.test/")
    _denied(bench, "http://badexample.org/")


def test_a_server_that_is_not_there_is_said_so(site: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{free.getsockname()[1]}"
    result = _bench(closed).call({"url": f"http://{closed}/"})
    assert result.error is not None
    assert (result.error.error_type, result.error.retryable) == ("unavailable", True)
