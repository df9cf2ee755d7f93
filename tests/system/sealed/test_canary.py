"""A secret that is planted everywhere in a sealed tenant's runs, and hunted wherever bytes are."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.topics import TOPICS
from runfold.infra.kafka import clients
from runfold.producers.log.kafka import TopicReader
from runfold.stack.settings import Settings
from tests.support import stack
from tests.system.first_hour.person import Person

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[3]
CANARY = "canary-7Q1Z-0xF00D"
BYTES = CANARY.encode()
FORMS = (
    BYTES,
    BYTES.hex().encode(),
    # At any offset, without the characters that what is beside it would change.
    *(base64.b64encode(b"x" * n + BYTES)[4:-4] for n in range(3)),
)
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
SERVERS = {"kafka", "postgres"}
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


@dataclass(frozen=True)
class Place:
    """Where something that should not be there was found."""

    what: str
    where: str


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
    servers = _servers(operator)
    _send_garbage(servers, waiting)
    operator.sees("SELECT count(*) FROM dead_letters", "3")

    # What a stranger wrote in plain stays on its topic for a week; everything else is sealed.
    assert _in_topics(servers) == [Place("topic", topics.REQUESTS)]
    assert _in_files(operator.home) == []
    assert {place.where for place in _in_tables(servers)} <= VIEWS
    assert "Sound" in operator.types("runfold audit verify")
    operator.types("runfold tenant export acme --to exported")
    manifest = json.loads((operator.folder / "exported" / "manifest.json").read_text())
    assert manifest["records"][topics.EVENTS] > 40
    assert any(name.startswith("artifacts/") for name in manifest["files"])
    for name, said in manifest["files"].items():
        data = (operator.folder / "exported" / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == said["sha256"]
        assert name not in HOLDING or _holds(data)

    operator.types("runfold tenant hold on acme --reason 'case 7'")
    assert "case 7" in operator.types("runfold tenant erase acme --yes", 65)
    operator.types("runfold tenant hold off acme")
    assert "cancel them first" in operator.types("runfold tenant erase acme --yes", 65)
    operator.types(f"runfold cancel {waiting} --reason '{CANARY}'")
    operator.sees(f"SELECT status FROM runs WHERE run_id = '{waiting}'", "cancelled")
    operator.types("runfold tenant erase acme --yes --reason 'end of contract'")

    assert _in_topics(servers) == [Place("topic", topics.REQUESTS)]
    assert _in_tables(servers) == []
    assert _in_files(operator.home) == []
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


def _servers(person: Person) -> Settings:
    known = person.reads("runfold status --show-password")
    settings = stack.embedded_settings(person.home)
    return settings.at(known["bootstrap_servers"], known["database_url"])


def _send_garbage(settings: Settings, run_id: str) -> None:
    """Publish what cannot be read: of a run, of nobody, and a request that lacks its key."""
    producer = clients.producer(settings.kafka_config())
    producer.produce(topics.REQUESTS, key=run_id.encode(), value=BYTES * 3)
    producer.produce(topics.REQUESTS, key=None, value=BYTES * 3)
    producer.produce(topics.REQUESTS, key=b"nobody", value=b"\0" + BYTES, headers={"x": BYTES})
    assert producer.flush(30) == 0


def _in_topics(settings: Settings) -> list[Place]:
    found, reader = [], TopicReader(settings.kafka_config(), Codec(LockRegistry()))
    for topic in TOPICS:
        raws = reader.read(topic.name)
        texts = [part for raw in raws for part in (raw.key, raw.value, *dict(raw.headers).values())]
        if any(_holds(part) for part in texts if part is not None):
            found.append(Place("topic", topic.name))
    return found


def _in_tables(settings: Settings) -> list[Place]:
    listed = (
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type ="
        " 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
    )
    found = []
    with psycopg.connect(settings.database_url) as connection:
        for schema, table in connection.execute(listed).fetchall():
            query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(schema, table))
            if any(_holds(row[0].encode()) for row in connection.execute(query)):
                found.append(Place("table", table))
    return found


def _in_files(home: Path) -> list[Place]:
    """Look into every file but those of the servers, which are asked themselves."""
    found = []
    for path in home.rglob("*"):
        inside = path.relative_to(home).parts
        if inside[0] not in SERVERS and path.is_file() and _holds(path.read_bytes()):
            found.append(Place("file", str(path.relative_to(home))))
    return found


def _holds(data: bytes) -> bool:
    return any(form in data for form in FORMS)
