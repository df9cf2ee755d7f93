"""Modules of tools that cannot be imported are a fault of the deployment, wherever one looks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runfold.events.definitions import Definitions
from runfold.stack import attaching, control, tool_modules
from runfold.stack.processes import telling
from runfold.stack.processes.telling import Fault, Told
from runfold.stack.supervisor.state import MemberState, State
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.operations.stack import modules as screen
from runfold.surfaces.cli.publishing import _known_here
from runfold.surfaces.doctor import code
from runfold.surfaces.doctor import tool_modules as doctor
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.manifests import load
from tests.deciders.given import tool
from tests.definitions.given import TOOL

WHY = "shop cannot be imported: ModuleNotFoundError: No module named 'x' (shop.py:3)."
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
SAID = {1: Told(faults=(Fault("shop", WHY),)), 2: Told(faults=(Fault("shop", WHY),)), 3: None}
SENTENCE = f"Tools of shop do not work (runs, tools): {WHY}"


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "ask", lambda port, _address: SAID[port])
    for module in (attaching, control):
        monkeypatch.setattr(module, "status", lambda _settings: KNOWN)


def test_status_names_them_and_is_not_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status"]) == exits.UNAVAILABLE
    assert SENTENCE in capsys.readouterr().out
    assert run(["status", "--json"]) == exits.UNAVAILABLE
    said = json.loads(capsys.readouterr().out)["tool_modules"]["faulty"]
    assert said == [{"module": "shop", "why": WHY, "parts": ["runs", "tools"]}]


def test_a_stack_whose_modules_work_is_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(telling, "ask", lambda _port, _address: Told())
    assert run(["status"]) == exits.OK
    assert "do not work" not in capsys.readouterr().out


def test_the_doctor_says_what_to_do(tmp_path: Path) -> None:
    deployment = Deployment({}, None, None, tmp_path, KNOWN)  # type: ignore[arg-type]
    (found,) = doctor.check(deployment)
    assert (found.level, found.what) == ("wrong", SENTENCE)
    assert "runfold restart" in found.todo
    deployment.known = None
    assert [each.level for each in doctor.check(deployment)] == ["note"]


def test_up_waits_for_what_is_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = [Told(importing=("slow",)), Told(importing=("slow",)), SAID[2], None]
    monkeypatch.setattr(telling, "ask", lambda port, _address: looks[0] if port == 2 else None)
    monkeypatch.setattr(screen.time, "sleep", lambda _s: looks.pop(0))
    told: list[str] = []
    found = screen.imported(Context().settings, told.append)
    assert told == ["importing slow"]
    assert [str(each) for each in found.faulty] == [SENTENCE.replace("runs, ", "")]
    for module in (attaching, control):
        monkeypatch.setattr(module, "status", lambda _settings: None)
    assert screen.imported(Context().settings, told.append) == tool_modules.ToolModules()


def test_a_module_that_no_process_may_import_is_said_with_what_to_set() -> None:
    found = tool_modules.ToolModules(allowed={"tools": ("shop",), "runs": ("shop", "crm")})
    assert found.why_unusable("shop.refunds") == ""
    assert found.why_unusable("crm") == (
        "tools may not import crm: set RUNFOLD_TOOL_MODULES=shop,crm, then `runfold restart tools`"
    )
    # A name that only begins like a listed one is another module.
    assert found.why_unusable("shopping").startswith("tools, runs may not import shopping")
    assert tool_modules.ToolModules().why_unusable("crm") == ""


def test_the_doctor_finds_live_tools_that_no_process_may_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {1: Told(allowed=("shop",)), 2: Told(faults=(Fault("shop", WHY),)), 3: None}
    monkeypatch.setattr(telling, "ask", lambda port, _address: told[port])
    contracts = [
        tool("ok", implementation="python:shop:f"),
        tool("lost", implementation="python:crm:f"),
        tool("own", implementation="builtin:files.read"),
    ]
    published = Definitions()
    for position, contract in enumerate(contracts, 1):
        published = published.plus("tool", contract.model_dump_json(), position)
    monkeypatch.setattr(code, "read_definitions", lambda _reader: published)
    deployment = Deployment({}, None, None, tmp_path, KNOWN)  # type: ignore[arg-type]
    *wrong, compared = code.check(deployment)
    assert [each.what.partition(":")[0] for each in wrong] == ["calls of tool lost@1.0 fail"]
    assert compared.level == "ok"


def test_apply_tells_the_author_of_a_tool(tmp_path: Path) -> None:
    manifest = tmp_path / "tool.yaml"
    whole = "  description: a tool\n  input_schema: {type: object}\n"
    manifest.write_text(TOOL.replace("builtin:files.read", "python:shop:refund") + whole)
    why = _known_here(Context())
    assert why("crm") == ""
    found = load([manifest], env={}, base_of=lambda _use: None, unusable=why)
    (said,) = [str(remark) for remark in found.remarks if "until that is mended" in str(remark)]
    assert said.endswith(WHY)
    assert "spec.use" in said
