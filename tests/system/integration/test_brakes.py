"""Brakes on the real stack: applied, told, answered, in the views, decided again by the audit."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support import stack
from tests.system.first_hour.person import Person

pytestmark = [pytest.mark.integration, pytest.mark.timeout(500)]

MANIFESTS = """\
apiVersion: ossa/v0.4
kind: Agent
metadata: {name: clerk, version: "1.0.0"}
spec:
  role: You keep the files in order.
  llm: {provider: default}
  tools: [{type: mcp, name: shelf.read}]
extensions:
  runfold:
    model_script: lost
    brakes:
      error_streak: {threshold: 2, reactions: [slow, think_again, ask, stop], slow_ms: 100}
---
apiVersion: runfold/v1
kind: Tool
metadata: {name: shelf.read, version: "1.0.0"}
spec: {use: "builtin:files.read", config: {root: FOLDER}}
---
apiVersion: runfold/v1
kind: ModelScript
metadata: {name: lost, version: "1.0.0"}
spec:
  turns: [TURNS]
"""
TURNS = ", ".join(
    f"{{calls: [{{name: shelf.read, arguments: {{path: none-{n}.txt}}}}]}}" for n in range(10)
)


@pytest.fixture
def operator() -> Iterator[Person]:
    with stack.temporary_home() as home:
        (home / "project").mkdir()
        person = Person(home / "project", home / "home")
        try:
            yield person
        finally:
            person.types("runfold down")


def test_a_run_that_goes_wrong_is_slowed_corrected_asked_about_and_stopped(
    operator: Person,
) -> None:
    manifests = MANIFESTS.replace("TURNS", TURNS).replace("FOLDER", str(operator.folder))
    (operator.folder / "agents.yaml").write_text(manifests.replace("threshold: 2", "threshold: 0"))
    operator.types("runfold up")
    refused = operator.types("runfold apply -f agents.yaml", 65)
    assert "error_streak counts: its threshold is a whole number, 1 to 32" in refused
    (operator.folder / "agents.yaml").write_text(manifests)
    operator.types("runfold apply -f agents.yaml")

    run_id = str(operator.reads("runfold run 'find the file' --agent clerk")["run_id"])
    asked = f"count(*) FROM approvals WHERE run_id = '{run_id}' AND status = 'pending'"
    operator.sees(f"SELECT {asked}", "1")
    assert "The brake error_streak holds clerk" in operator.types("runfold approvals")
    assert "The brake error_streak holds clerk" in operator.types(f"runfold status {run_id}", 75)
    (question,) = json.loads(operator.types(f"runfold status {run_id} --json", 75))["waits_for"]
    operator.types(f"runfold answer {question['call_id']} 'it may be elsewhere'")
    operator.types(f"runfold logs -f {run_id}", 3)

    told = operator.types(f"runfold logs {run_id} --all")
    for action in ("slow", "think_again", "ask", "stop"):
        assert f"brake error_streak, {action}: 2 calls failed one after another" in told
    assert "2 calls failed one after another" in operator.types(f"runfold status {run_id}", 3)
    where = f"run_id = '{run_id}' AND type = 'BrakeApplied'"
    operator.sees(f"SELECT count(*) FROM run_events WHERE {where}", "4")
    operator.types(f"runfold audit verify {run_id}")
