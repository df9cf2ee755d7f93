"""Policies on a real stack: revoked while a run runs, refused on record, explained and audited."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runfold.surfaces.cli import exits
from tests.support import stack
from tests.surfaces.live.test_live import Runfold

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

CLERK = """\
apiVersion: ossa/v0.4
kind: Agent
metadata: {name: clerk, version: "1.0.0"}
spec:
  role: You keep the files in order.
  llm: {provider: default}
  tools: [{type: function, name: shelf.list}]
extensions: {runfold: {model_script: filing}}
---
apiVersion: runfold/v1
kind: Tool
metadata: {name: shelf.list, version: "1.0.0"}
spec:
  use: builtin:files.list
  config: {root: "."}
---
apiVersion: runfold/v1
kind: ModelScript
metadata: {name: filing, version: "1.0.0"}
spec:
  turns:
    - calls: [{name: shelf.list, arguments: {path: .}}]
    - calls: [{name: ask_human, arguments: {question: "Once more?"}}]
    - calls: [{name: shelf.list, arguments: {path: .}}]
    - calls: [{name: complete_task, arguments: {summary: done}}]
"""
STOP = """\
apiVersion: runfold/v1
kind: Policy
metadata: {name: closed, version: "1.0.0"}
spec:
  cedar: |
    @id("closed") @reason("The shelf is closed.")
    forbid(principal == Agent::"clerk", action == Action::"tool.call", resource);
  tests:
    - name: the clerk lists nothing
      principal: Agent::"clerk"
      action: tool.call
      resource: Tool::"shelf.list"
      expect: forbid
"""


@pytest.fixture(scope="module")
def runfold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runfold]:
    """A stack with the clerk published on it."""
    folder = tmp_path_factory.mktemp("clerk")
    (folder / "clerk.yaml").write_text(CLERK)
    with stack.temporary_home() as home:
        runfold = Runfold(home)
        runfold("up")
        try:
            runfold("apply", "-f", str(folder))
            yield runfold
        finally:
            runfold("down")


def until(runfold: Runfold, run: str, status: str) -> None:
    """Wait for a run to be where it should get."""
    for _ in range(120):
        said = next((r["status"] for r in runfold.json("runs") if r["run_id"] == run), "unknown")
        if said == status:
            return
        time.sleep(0.5)
    raise AssertionError(f"{run} is {said}, not {status}")


@pytest.fixture(scope="module")
def stopped(runfold: Runfold, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run that listed the shelf, asked, and could not list it again: a forbid came meanwhile."""
    run = str(runfold.json("run", "look", "--agent", "clerk")["run_id"])
    until(runfold, run, "waiting_for_human")
    folder = tmp_path_factory.mktemp("stop")
    (folder / "stop.yaml").write_text(STOP)
    assert runfold.json("apply", "-f", str(folder))["published"] == ["policy/closed@1.0.0"]
    runfold("answer", f"{run}.4", "yes")
    until(runfold, run, "completed")
    return run


def test_a_permission_that_is_revoked_holds_for_the_next_call_of_a_running_run(
    runfold: Runfold, stopped: str
) -> None:
    logs = runfold("logs", stopped)
    assert "forbidden by closed: The shelf is closed." in logs
    assert "The policy closed forbids this call: The shelf is closed." in logs
    assert runfold.json("audit", "verify", stopped)["sound"] is True
    assert runfold.json("sql", "-c", "SELECT * FROM tool_calls_started_without_permit") == []
    effects = runfold.json(
        "sql",
        "-c",
        "SELECT effect, policy_ids_json FROM policy_decisions "
        f"WHERE run_id = '{stopped}' ORDER BY seq",
    )
    assert [each["effect"] for each in effects] == ["permit", "forbid"]
    assert "closed" in str(effects[1]["policy_ids_json"])


def test_a_call_is_explained_then_and_now(runfold: Runfold, stopped: str) -> None:
    (first,) = runfold.json("policy", "explain", f"{stopped}.2")
    assert (first["recorded"]["effect"], first["again"]["effect"]) == ("permit", "permit")
    assert first["now"] == {
        "effect": "forbid",
        "approval": False,
        "policies": ["closed"],
        "reason": "forbidden by closed: The shelf is closed.",
        "persons": 0,
        "terms": [],
    }
    (second,) = runfold.json("policy", "explain", f"{stopped}.6")
    assert second["recorded"] == second["again"] == second["now"]
    assert second["inputs"]["resource"]["level"] == 0
    assert "forbid by closed" in runfold("policy", "explain", f"{stopped}.6")
    runfold("policy", "explain", f"{stopped}.5", code=exits.NOT_FOUND)


def test_other_policies_are_tried_on_recorded_calls(
    runfold: Runfold, stopped: str, tmp_path: Path
) -> None:
    found = runfold.json("policy", "simulate", "--since", "1h")
    assert (found["calls"], found["unchanged"], found["denied"]) == (2, 1, 1)
    opened = STOP.replace("1.0.0", "1.1.0").replace('Agent::"clerk"', 'Agent::"nobody"')
    (tmp_path / "open.yaml").write_text(opened[: opened.index("  tests:")])
    found = runfold.json("policy", "simulate", str(tmp_path))
    assert (found["permitted"], found["denied"]) == (1, 0)
    (change,) = found["changes"]
    assert (change["was"], change["becomes"], change["calls"]) == ("forbid", "permit", 1)
    assert "1 that were denied" in runfold("policy", "simulate", str(tmp_path))


def test_who_can_and_the_tests_of_what_is_in_force(
    runfold: Runfold, stopped: str, tmp_path: Path
) -> None:
    (grant,) = runfold.json("policy", "who-can", "tool.call", "shelf.list")
    assert (grant["agent"], grant["answer"], grant["policies"]) == ("clerk", "no", ["closed"])
    (passed,) = runfold.json("policy", "test")
    assert (passed["policy"], passed["passed"]) == ("closed@1.0.0", True)
    wrong = STOP.replace("expect: forbid", "expect: permit")
    (tmp_path / "wrong.yaml").write_text(wrong)
    said = runfold("policy", "test", str(tmp_path), code=exits.BAD_INPUT)
    assert "test the clerk lists nothing: expected permit, and it is forbid by closed" in said
    (listed,) = runfold.json("definitions", "list", "policy")
    assert (listed["kind"], listed["name"], listed["live"]) == ("policy", "closed", True)


def test_a_policy_that_does_not_fit_is_refused_by_name(runfold: Runfold, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text(STOP.replace("resource);", "resource) when { resource.x };"))
    said = runfold("apply", "-f", str(tmp_path), code=exits.BAD_INPUT)
    assert "policy closed: rule closed: attribute `x` on entity type `Tool` not found" in said
