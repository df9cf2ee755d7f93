"""A secret that is planted everywhere in a sealed tenant's runs, and hunted wherever bytes are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.infra.kafka import clients
from runfold.stack.settings import Settings
from tests.support import stack
from tests.system.first_hour.person import Person
from tests.system.sealed.hunting import (
    BYTES,
    CANARY,
    Place,
    holds,
    in_files,
    in_tables,
    in_topics,
    servers,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[3]
MANIFESTS = """\
apiVersion: ossa/v0.4
kind: Agent
metadata: {name: clerk, version: "1.0.0"}
spec:
  role: You keep notes.
  llm: {provider: default}
  tools: [{type: mcp, name: note.read}, {type: mcp, name: note.write}]
extensions:
  runfold: {model_script: notes}
---
apiVersion: runfold/v1
kind: Tool
metadata: {name: note.read, version: "1.0.0"}
spec: {use: "python:tests.system.sealed.tools:read"}
---
apiVersion: runfold/v1
kind: Tool
metadata: {name: note.write, version: "1.0.0"}
spec: {use: "python:tests.system.sealed.tools:write"}
---
apiVersion: runfold/v1
kind: ModelScript
metadata: {name: notes, version: "1.0.0"}
spec:
  turns:
    - text: "I read of {{ goal }}"
      calls: [{name: note.read, arguments: {word: "{{ goal }}"}}]
    - calls: [{name: note.write, arguments: {word: "{{ goal }}"}}]
    - calls: [{name: complete_task, arguments: {summary: "wrote {{ goal }}", result: "{{ goal }}"}}]
"""
HOLDING = (f"{topics.EVENTS}.jsonl", f"{topics.DEAD_LETTERS}.jsonl")
VIEWS = {
    "approvals",
    "checkpoints",
    "dead_letters",
    "model_calls",
    "run_events",
    "runs",
    "tool_calls",
    "tool_invocations",
}
"""The tables that people read; they hold words until the tenant is erased."""


@pytest.fixture(scope="module")
def operator() -> Iterator[Person]:
    """An operator whose stack has a file of keys."""
    with stack.temporary_home() as home:
        folder = home / "project"
        folder.mkdir()
        (folder / "agents.yaml").write_text(MANIFESTS)
        environment = {
            "RUNFOLD_KEYS": f"file:{home / 'keys.json'}",
            "RUNFOLD_TOOL_MODULES": "tests.system.sealed.tools",
            "PYTHONPATH": str(ROOT),
        }
        person = Person(folder, home / "home", environment)
        try:
            yield person
        finally:
            person.types("runfold down")


def test_no_place_holds_a_word_of_a_sealed_tenant_and_none_at_all_after_its_erasure(
    operator: Person,
) -> None:
    operator.types("runfold up")
    operator.types("runfold apply -f agents.yaml")
    operator.types("runfold tenant seal acme --reason contract")
    ended = _run_of(operator)
    call = json.loads(operator.types(f"runfold status {ended} --json", 75))["waits_for"][0]
    operator.types(f'runfold approve {call["call_id"]} --arguments \'{{"word": "{CANARY}"}}\'')
    operator.types(f"runfold logs -f {ended}")
    waiting = _run_of(operator)
    operator.types(f"runfold tell {waiting} '{CANARY}'")
    where = servers(operator)
    _send_garbage(where, waiting)
    operator.sees("SELECT count(*) FROM dead_letters", "3")

    # What a stranger wrote in plain stays on its topic for a week; everything else is sealed.
    assert in_topics(where) == [Place("topic", topics.REQUESTS)]
    assert in_files(operator.home) == []
    assert {place.where for place in in_tables(where)} <= VIEWS
    assert "Sound" in operator.types("runfold audit verify")
    operator.types("runfold tenant export acme --to exported")
    manifest = json.loads((operator.folder / "exported" / "manifest.json").read_text())
    assert manifest["records"][topics.EVENTS] > 40
    assert any(name.startswith("artifacts/") for name in manifest["files"])
    for name, said in manifest["files"].items():
        data = (operator.folder / "exported" / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == said["sha256"]
        assert name not in HOLDING or holds(data)

    operator.types("runfold tenant hold on acme --reason 'case 7'")
    assert "case 7" in operator.types("runfold tenant erase acme --yes", 65)
    operator.types("runfold tenant hold off acme")
    assert "cancel them first" in operator.types("runfold tenant erase acme --yes", 65)
    operator.types(f"runfold cancel {waiting} --reason '{CANARY}'")
    operator.sees(f"SELECT status FROM runs WHERE run_id = '{waiting}'", "cancelled")
    operator.types("runfold tenant erase acme --yes --reason 'end of contract'")

    assert in_topics(where) == [Place("topic", topics.REQUESTS)]
    assert in_tables(where) == []
    assert in_files(operator.home) == []
    said = operator.types("runfold audit verify")
    assert "2 runs were erased" in said
    assert "Sound" in said
    assert "(erased)" in operator.types(f"runfold logs {ended} --all")
    assert operator.types("runfold rebuild --compare").count("equals the fold") > 8
    again = _run_of(operator)
    assert CANARY in operator.types(f"runfold logs {again} --all")


def _run_of(operator: Person) -> str:
    run = f"runfold run '{CANARY}' --agent clerk --tenant acme"
    run_id = str(operator.reads(run)["run_id"])
    asked = f"count(*) FROM approvals WHERE run_id = '{run_id}' AND status = 'pending'"
    operator.sees(f"SELECT {asked}", "1")
    return run_id


def _send_garbage(settings: Settings, run_id: str) -> None:
    """Publish what cannot be read: of a run, of nobody, and a request that lacks its key."""
    producer = clients.producer(settings.kafka_config())
    producer.produce(topics.REQUESTS, key=run_id.encode(), value=BYTES * 3)
    producer.produce(topics.REQUESTS, key=None, value=BYTES * 3)
    producer.produce(topics.REQUESTS, key=b"nobody", value=b"\0" + BYTES, headers={"x": BYTES})
    assert producer.flush(30) == 0
