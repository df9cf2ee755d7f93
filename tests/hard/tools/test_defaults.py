"""What nobody declares is the safe choice, and is said; what contradicts itself is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import runfold
from runfold.events import run as j
from runfold.events.definitions import ToolContract
from runfold.events.definitions.tool import RISKS
from runfold.processors.definitions.unusable import unusable
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.run import behaviour as behaviours
from runfold.processors.run.decide import decide
from runfold.processors.tool.python.tools import contract_of
from runfold.surfaces.manifests import Manifests
from tests.deciders.given import answer, call, request, tool
from tests.definitions.given import TOOL, faults_of, loader
from tests.hard.deciding.given import COUNTED, begun_with
from tests.spec import START

PYTHON = TOOL.replace("builtin:files.read", "python:shop.tools:refund") + (
    "  description: refunds\n  input_schema: {type: object}\n"
)


def tool_of(manifests: Manifests) -> ToolContract:
    (found,) = [each for each in manifests.definitions if isinstance(each, ToolContract)]
    return found


def sends(to: str) -> str:
    """Send a mail."""
    return to


def test_a_tool_whose_author_says_nothing_is_an_external_side_effect() -> None:
    contract = contract_of(runfold.tool()(sends))
    assert (contract.risk_level, contract.claims, contract.safe_to_repeat) == (3, True, False)
    bare = ToolContract(name="t", version="1", description="", input_schema={}, implementation="x")
    assert bare.risk_level == 3


@pytest.mark.parametrize("level", range(5))
def test_a_level_is_said_by_number_or_by_name(level: int, tmp_path: Path) -> None:
    assert contract_of(runfold.tool(risk_level=RISKS[level])(sends)).risk_level == level
    manifest = PYTHON + f"  risk_level: {RISKS[level]}\n"
    assert tool_of(loader(tmp_path)(manifest)).risk_level == level


def test_apply_says_which_defaults_hold(tmp_path: Path) -> None:
    manifests = loader(tmp_path)(PYTHON)
    (told,) = [each for each in manifests.remarks if each.field == "spec"]
    assert "risk_level, so it is 3 (of read_only, local_write" in told.message
    assert "timeout_ms, so an execution may take 30,000 ms" in told.message
    assert tool_of(manifests).risk_level == 3
    declared = loader(tmp_path)(PYTHON + "  risk_level: 0\n  timeout_ms: 9\n")
    assert [each for each in declared.remarks if each.field == "spec"] == []


def test_a_high_risk_without_a_person_is_refused_on_every_road(tmp_path: Path) -> None:
    (told,) = faults_of(tmp_path)(PYTHON + "  risk_level: high_risk\n  approval: never\n")
    assert "spec.approval: at level 4 a person is always asked" in told
    with pytest.raises(TypeError, match="level 4"):
        runfold.tool(risk_level=4, approval="never")(sends)
    assert unusable(tool("send", risk_level=4, approval="never")).startswith("approval: ")


@pytest.mark.parametrize(("number", "asks"), [(3, False), (COUNTED, True)])
def test_what_was_published_before_is_asked_about(
    number: int, monkeypatch: pytest.MonkeyPatch, *, asks: bool
) -> None:
    risky = tool("send", risk_level=4, approval="never")
    story = begun_with(monkeypatch, number, risky).when(answer(call("send")))
    assert ("ApprovalRequested" in story.names()) is asks


@pytest.mark.parametrize("field", ["tenant_id", "user_id"])
@pytest.mark.parametrize("said", ["", "  "])
def test_a_run_of_nobody_is_refused(field: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    story = begun_with(monkeypatch, COUNTED)
    monkeypatch.setattr(behaviours, "CURRENT", max(behaviours.CURRENT, COUNTED))
    command = Command(request(**{field: said}))
    (refused,) = decide(None, command, Env(START, story.definitions), COUNTED)
    assert isinstance(refused, j.RunRefused)
    assert refused.code == "nobody"
    before = decide(None, command, Env(START, story.definitions), 3)
    assert isinstance(before[0], j.RunCreated)
