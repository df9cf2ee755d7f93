"""The boundary of a workspace: nothing that leaves it is offered for approval [192]."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runfold.events.definitions.agents.built_in_profiles import for_channel
from runfold.surfaces.channels.adapters.workspace import Workspace
from runfold.surfaces.channels.inbound.intents import Decide, Inbound, Unclear
from runfold.surfaces.channels.rendering import Wiring, adapter_of, rendered
from tests.channels.given import ASKED, picture
from tests.deciders.given import answer, call


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (tmp_path / "secret").write_text("s")
    (folder / "away").symlink_to(tmp_path)
    (folder / "src" / "link.py").symlink_to(tmp_path / "secret")
    return folder


@pytest.mark.parametrize("said", ["a.txt", "src/new.py", "./src/a b.py", "src"])
def test_what_lies_inside_is_there(root: Path, said: str) -> None:
    assert Workspace(root).why_outside(said) == ""
    assert Workspace(root).place_of(said).is_relative_to(root)


@pytest.mark.parametrize(
    "said",
    [
        "../secret", "src/../../secret", "/etc/passwd", "~/x", "$HOME/x", "away/secret",
        "src/link.py", "away", "a\\..\\b", "", "a\x00b", "a\nb", "x" * 500, "src/..",
    ],
)  # fmt: skip
def test_what_leaves_it_is_refused(root: Path, said: str) -> None:
    assert Workspace(root).why_outside(said)


def test_a_neighbour_with_the_same_beginning_is_outside(root: Path) -> None:
    assert Workspace(root).why_outside(f"{root}-other/a")
    assert not Workspace(root).why_outside(f"{root}/a")
    assert not Workspace(root, (root.parent / "shared",)).why_outside(f"{root.parent}/shared/a")


def test_folders_are_absolute() -> None:
    with pytest.raises(ValueError, match="absolute"):
        Workspace(Path("here"))


def pending(workspace: Workspace | None, arguments: dict[str, Any]) -> dict[str, Any]:
    run = picture((ASKED, answer(call("write", {"path": "a.txt"} | arguments))))
    wiring = Wiring(workspace=workspace)
    made = json.loads(rendered(run, "desktop", for_channel("desktop"), wiring=wiring).body)
    found: dict[str, Any] = made["pending"]
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": "../secret"},
        {"options": {"target": "/etc/passwd"}},
        {"files": ["a.txt", "../secret"]},
        {"body": "/etc/shadow"},
        {"path": "x" * 600},
    ],
)
def test_a_call_that_leaves_the_workspace_can_only_be_denied(
    root: Path, arguments: dict[str, Any]
) -> None:
    (approval,) = pending(Workspace(root), arguments)["approvals"]
    assert approval["refused"]
    assert set(approval["actions"]) == {"deny"}


def test_writes_and_commands_are_shown_before_they_happen(root: Path) -> None:
    found = pending(Workspace(root), {"path": "src/a.py", "command": "rm -rf build\x1b[2J"})
    assert [each["path"] for each in found["writes"]] == ["src/a.py"]
    assert [each["command"] for each in found["commands"]] == ["rm -rf build␛[2J"]
    (approval,) = found["approvals"]
    assert set(approval["actions"]) == {"approve", "deny"}


def test_a_tool_that_is_never_approved_here_is_not_offered(root: Path) -> None:
    (approval,) = pending(Workspace(root, tools={"write": "never"}), {})["approvals"]
    assert set(approval["actions"]) == {"deny"}


def test_more_arguments_than_can_be_looked_at_are_not_offered(root: Path) -> None:
    many = {f"a{at}": "x" for at in range(600)}
    (approval,) = pending(Workspace(root), many)["approvals"]
    assert set(approval["actions"]) == {"deny"}


def test_nothing_is_approved_without_a_workspace() -> None:
    (approval,) = pending(None, {})["approvals"]
    assert set(approval["actions"]) == {"deny"}
    run = picture((ASKED, answer(call("write"))))
    wait = run.detail.waits_for[0]
    action = f"rf1:approve:{wait.call_id}:{wait.shown_digest}"
    body = Inbound(json.dumps({"action": action}).encode())
    assert isinstance(adapter_of("desktop").read(body).intent, Unclear)
    inside = adapter_of("desktop", Wiring(workspace=Workspace(Path("/x"))))
    assert isinstance(inside.read(body).intent, Decide)
