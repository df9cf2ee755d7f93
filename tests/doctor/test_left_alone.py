"""The doctor says what the processes of a stack leave alone, and what processes say of that."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server

import pytest

from runfold.infra.process.health import Health
from runfold.processors.effects.circuits import Circuits, Member, Server
from runfold.stack.processes import telling
from runfold.stack.processes.telling import Told
from runfold.stack.supervisor.state import MemberState, State
from runfold.surfaces.doctor import keys, left_alone
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Level

KNOWN = State(
    "ready",
    1,
    1,
    0.0,
    bootstrap_servers="x:1",
    database_url="postgresql://nobody@127.0.0.1:1/none",
    members=tuple(
        MemberState(name, "running", metrics_port=port)
        for port, name in enumerate(("runs", "tools", "projector"), 1)
    ),
)


def looked(known: State | None, said: dict[int, Told], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(telling, "ask", lambda port, _address: said.get(port))
    deployment = Deployment({}, None, None, Path(), known)  # type: ignore[arg-type]
    return [(each.level, each.what) for each in left_alone.check(deployment)]


def test_each_is_named_once_with_the_processes_that_hold_its_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crm, provider = ("server", "crm"), ("provider", "openai")
    found = looked(
        KNOWN, {1: Told(left_alone=(crm, provider)), 2: Told(left_alone=(crm,))}, monkeypatch
    )
    assert [level for level, _ in found] == [Level.WARNING] * 2
    assert found[0][1].startswith("the provider openai failed several times in a row, and runs")
    assert "the server crm" in found[1][1]
    assert "runs, tools hold its calls" in found[1][1]


def test_where_nothing_is_left_alone_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked(KNOWN, {1: Told()}, monkeypatch) == [(Level.OK, "no tool, model or server")]
    assert [level for level, _ in looked(None, {}, monkeypatch)] == [Level.NOTE]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ({"server": ["crm"], "tool": []}, (("server", "crm"),)),
        ({}, ()),
        (["crm"], None),
        ({"server": 3}, None),
    ],
)
def test_a_process_says_it_at_its_port(report: Any, said: Any) -> None:
    health = Health("p", "ready", {"left_alone": lambda: report})

    def app(environ: Any, start: Any) -> list[bytes]:
        answer = health.answer(environ["PATH_INFO"])
        assert answer is not None
        start("200 OK", [("Content-Length", str(len(answer[1])))])
        return [answer[1]]

    with make_server("127.0.0.1", 0, app) as server:
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        told = telling.ask(server.server_port)
        serving.join(10)
    assert (told and told.left_alone) == said


def test_what_circuits_tell_is_what_the_doctor_reads() -> None:
    circuits = Circuits("tool", "server", lambda: 0.0)
    for name in "abcde":
        circuits.admit(Member(name, name, Server("crm", "crm")), 1).failed()
    told = telling._told({"left_alone": circuits.told()})
    assert told.left_alone == (("server", "crm"),)


def test_processes_that_lack_keys_are_named_whatever_this_one_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = {1: Told(keys="this process has no keys"), 2: Told(), 3: Told()}
    monkeypatch.setattr(telling, "ask", lambda port, _address: said.get(port))
    deployment = Deployment({}, None, None, Path(), KNOWN)  # type: ignore[arg-type]
    (found,) = keys.lacking(deployment)
    assert found.level is Level.WRONG
    assert found.what.startswith("runs waits for a key")
    assert "this process has no keys" in found.what
    assert "runfold restart runs" in found.todo
    assert list(keys.lacking(Deployment({}, None, None, Path(), None))) == []  # type: ignore[arg-type]
