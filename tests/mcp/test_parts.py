"""The parts on their own: names, bounds, ids of sessions, hosts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.mcp.bounded import bounded, short
from runfold.surfaces.mcp.tools.following import resumed_run
from runfold.surfaces.mcp.tools.names import tool_name
from runfold.surfaces.mcp.transport.hosts import need_own
from runfold.surfaces.mcp.transport.sessions import new_id, read_id


def test_a_name_within_the_rules_stays_and_no_two_are_alike() -> None:
    names = ("triage", "x.y", "x_y", "x y", "x/y", "é", "run_agent", "a" * 64, "a" * 65, "a" * 70)
    made = [tool_name(each, frozenset({"run_agent"})) for each in names]
    assert made[0] == "triage"
    assert made[2] == "x_y"
    assert len(set(made)) == len(made)
    assert all(len(each) <= 64 and each.isascii() for each in made)
    assert made[6].startswith("run_agent_")
    # It depends on nothing but the name itself.
    assert tool_name("x.y") == made[1] != "x_y"


def test_what_is_said_is_bounded_and_stays_of_its_kind() -> None:
    value: dict[str, Any] = {"text": "ü" * 500_000, "list": ["x" * 1000] * 5_000, "n": 7}
    cut = bounded(value)
    assert len(json.dumps(cut, ensure_ascii=False).encode()) <= 256_000
    assert cut["n"] == 7
    assert "500,000 characters" in cut["text"]
    assert 0 < len(cut["list"]) < 5_000
    assert bounded({"a": 1}) == {"a": 1}
    assert short("abc") == "abc"


def test_a_session_is_its_id() -> None:
    began = new_id({"protocolVersion": "2025-06-18", "capabilities": {"elicitation": {}}})
    assert (began.revision, began.forms) == ("2025-06-18", True)
    assert read_id(str(began)) == began
    newest = new_id({"protocolVersion": "9999-01-01", "capabilities": {"elicitation": {"url": {}}}})
    assert (newest.revision, newest.forms) == ("2025-11-25", False)
    for wrong in ("", "x", "2025-06-18.f.zz", "2026-07-28.f." + "0" * 32, str(began) + "0"):
        assert read_id(wrong) is None


def test_a_state_that_comes_back_names_a_run_or_nothing() -> None:
    assert resumed_run('{"run_id": "a"}') == "a"
    for wrong in (None, "", "7", "[]", '{"run_id": 7}', "{" * 300, "x" * 1_000):
        assert resumed_run(wrong) is None


def _scope(server: str, **headers: str) -> dict[str, Any]:
    given = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "server": (server, 80), "headers": given}


@pytest.mark.parametrize(
    ("server", "host", "origin", "public"),
    [
        ("127.0.0.1", "localhost:7", None, None),
        ("127.0.0.1", "[::1]:7", "http://127.0.0.1:9", None),
        ("127.0.0.1", "agents.example.com", "https://agents.example.com", "agents.example.com"),
        ("10.1.1.1", "anything", None, None),
    ],
)
def test_own_hosts_and_origins_are_served(
    server: str, host: str, origin: str | None, public: str | None
) -> None:
    more = {} if origin is None else {"origin": origin}
    need_own(_scope(server, host=host, **more), public and f"https://{public}/mcp")


@pytest.mark.parametrize(
    ("server", "host", "origin"),
    [
        ("127.0.0.1", "evil.example", None),
        ("127.0.0.1", "", None),
        ("127.0.0.1", "localhost.evil.example", None),
        ("127.0.0.1", "localhost", "http://evil.example"),
        ("10.1.1.1", "anything", "http://anything"),
        ("127.0.0.1", "localhost", "null"),
        ("127.0.0.1", "[::1", "http://[::1"),
    ],
)
def test_those_of_strangers_are_not(server: str, host: str, origin: str | None) -> None:
    more = {} if origin is None else {"origin": origin}
    with pytest.raises(Problem) as refused:
        need_own(_scope(server, host=host, **more), None)
    assert refused.value.code == "forbidden"
