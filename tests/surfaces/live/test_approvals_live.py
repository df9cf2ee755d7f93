"""Two persons and a grant on a real stack: a restart between them, on record, and audited."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from runfold.surfaces.cli import exits
from tests.support import stack
from tests.surfaces.live.test_live import Runfold

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MANIFESTS = """\
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
  risk_level: 4
---
apiVersion: runfold/v1
kind: ModelScript
metadata: {name: filing, version: "1.0.0"}
spec:
  turns:
    - calls: [{name: shelf.list, arguments: {path: .}}]
    - calls: [{name: shelf.list, arguments: {path: .}}]
    - calls: [{name: ask_human, arguments: {question: "Once more?"}}]
    - calls: [{name: complete_task, arguments: {summary: done}}]
---
apiVersion: runfold/v1
kind: Policy
metadata: {name: filing, version: "1.0.0"}
spec:
  cedar: |
    @id("files") @requester("never")
    permit(principal == Agent::"clerk", action == Action::"tool.call", resource);
    @id("archivists")
    permit(principal in Role::"archivist", action == Action::"tool.approve", resource);
"""
GRANTED = "SELECT tool_call_id, grant_id FROM tool_calls WHERE grant_id IS NOT NULL"


@pytest.fixture(scope="module")
def runfold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runfold]:
    """A stack with the clerk and its policy published on it."""
    folder = tmp_path_factory.mktemp("clerk")
    (folder / "clerk.yaml").write_text(MANIFESTS)
    with stack.temporary_home() as home:
        runfold = Runfold(home)
        runfold("up")
        try:
            runfold("apply", "-f", str(folder))
            yield runfold
        finally:
            runfold("down")


def waiting(runfold: Runfold, run: str, call: str) -> dict[str, Any]:
    """What waits of a run, once it is this call."""
    for _ in range(120):
        found = [each for each in runfold.json("approvals") if each["run_id"] == run]
        if found and found[0]["call_id"] == call:
            return dict(found[0])
        time.sleep(0.5)
    raise AssertionError(f"{call} does not wait")


def test_two_persons_approve_across_a_restart_and_a_grant_permits_the_next_call(
    runfold: Runfold,
) -> None:
    run = str(runfold.json("run", "look", "--agent", "clerk", "--user", "ada")["run_id"])
    wait = waiting(runfold, run, f"{run}.2")
    assert (wait["approvals_needed"], wait["approved_by"]) == (2, [])
    assert wait["terms"]["requester"] is False
    digest = ("--digest", wait["shown_digest"])
    holds = (f"{run}.2", "--for", "pattern", "--where", "/path=.", *digest)
    as_of = ("--role", "archivist")
    said = runfold("approve", *holds, "--user", "ada", *as_of, code=exits.NO)
    assert "policies demand that others approve" in said
    assert "no policy permits" in runfold("approve", *holds, "--user", "ben", code=exits.NO)
    runfold("approve", *holds, "--user", "cleo", *as_of)
    runfold("restart", "runs")
    listed = runfold("approvals")
    assert "1 of 2, by cleo; not by ada" in listed
    stale = (f"{run}.2", "--digest", "ab" * 32, "--user", "dan", *as_of)
    assert "is not what was shown" in runfold("approve", *stale, code=exits.NO)
    runfold("approve", *holds, "--user", "dan", *as_of)
    question = waiting(runfold, run, f"{run}.6")
    assert question["question"] == "Once more?"
    (granted,) = runfold.json("sql", "-c", GRANTED)
    assert granted["tool_call_id"] == f"{run}.4"
    runfold("answer", f"{run}.6", "no", "--digest", question["shown_digest"][:12])
    assert runfold.json("audit", "verify", run)["sound"] is True
    assert runfold.json("sql", "-c", "SELECT * FROM tool_calls_started_without_permit") == []


def test_who_can_approve_is_asked_of_the_policies(runfold: Runfold) -> None:
    (no,) = runfold.json("policy", "who-can", "tool.approve", "shelf.list", "--as-user", "ben")
    assert (no["agent"], no["answer"]) == ("clerk", "no")
    asked = ("policy", "who-can", "tool.approve", "shelf.list", "--role", "archivist")
    (yes,) = runfold.json(*asked)
    assert (yes["answer"], yes["policies"]) == ("yes", ["archivists"])
