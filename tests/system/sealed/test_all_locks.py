"""Every lock at once, on one running stack.

Contents are sealed, requests and controls signed, rows kept apart, policies in force; a person with
a token approves, and who read what is on record.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from runfold.events import topics
from runfold.infra.credentials.keys import new_key
from runfold.infra.credentials.token import Claims, issue
from runfold.stack.settings import Settings
from tests.support import stack
from tests.system.first_hour.person import Person
from tests.system.sealed.hunting import (
    BYTES,
    CANARY,
    holds,
    in_files,
    in_tables,
    in_topics,
    servers,
)
from tests.system.sealed.test_canary import MANIFESTS, ROOT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

KEY = new_key()
GOVERNED = """\
---
apiVersion: runfold/v1
kind: Policy
metadata: {name: notes, version: "1.0.0"}
spec:
  cedar: |
    @id("writes") permit(principal == Agent::"clerk", action == Action::"tool.call", resource);
    @id("approves")
    permit(principal in Role::"approver", action == Action::"tool.approve", resource);
---
apiVersion: runfold/v1
kind: TenantPolicy
metadata: {name: default, version: "1.0.0"}
spec:
  caps: [{of: tenant, running: 2}]
"""
REFUSED, IGNORED = 2, 1
_TABLES = ("runs", "run_events", "tool_calls", "model_calls", "approvals", "tenant_runs")


def token(tenant: str, user: str, *roles: str) -> str:
    until = int((datetime.now(UTC) + timedelta(hours=1)).timestamp())
    claims = Claims(tenant, user, until, f"of-{user}", roles=roles)
    return str(issue("k1", urlsafe_b64decode(KEY + "="), claims))


@pytest.fixture(scope="module")
def operator() -> Iterator[Person]:
    """Whoever runs the stack, with a token that speaks for all: a stack with every lock."""
    with stack.temporary_home() as home:
        folder = home / "project"
        folder.mkdir()
        (folder / "agents.yaml").write_text(MANIFESTS + GOVERNED)
        environment = {
            "RUNFOLD_CREDENTIALS": "require",
            "RUNFOLD_KEYS": f"file:{home / 'keys.json'}",
            "RUNFOLD_PURPOSE": "the case 7",
            "RUNFOLD_READS": "require",
            "RUNFOLD_ROW_SECURITY": "1",
            "RUNFOLD_SECRET_CREDENTIAL_KEYS": f"k1 {KEY}",
            "RUNFOLD_TOKEN": token("*", "*"),
            "RUNFOLD_TOOL_MODULES": "tests.system.sealed.tools",
            "PYTHONPATH": str(ROOT),
        }
        person = Person(folder, home / "home", environment)
        try:
            yield person
        finally:
            person.types("runfold down")


def test_a_run_behind_every_lock_completes_is_exported_and_erased(operator: Person) -> None:
    operator.types("runfold up")
    operator.types("runfold apply -f agents.yaml")
    operator.types("runfold tenant seal acme --reason contract")
    where = servers(operator)
    anna, eve = token("acme", "anna"), token("umbrella", "eve")

    run = _run_that_waits(operator, anna)
    _is_approved_by_who_may_alone(operator, run)
    _nothing_is_read_in_plain(operator, where)
    _another_tenant_sees_nothing(operator, run, eve)
    _the_export_is_whole_and_on_record(operator, run, where)
    _an_erasure_leaves_chains_and_no_words(operator, run, where)


def _run_that_waits(operator: Person, anna: str) -> str:
    asked = f"runfold run '{CANARY}' --agent clerk --tenant acme --user anna"
    assert "has no credential" in operator.types(f"{asked} --follow", REFUSED, RUNFOLD_TOKEN="")
    posing = "runfold run hello --agent clerk --tenant umbrella --follow"
    assert "does not speak for this tenant" in operator.types(posing, REFUSED, RUNFOLD_TOKEN=anna)
    run = str(json.loads(operator.types(f"{asked} --json", RUNFOLD_TOKEN=anna))["run_id"])
    waits = f"SELECT count(*) FROM approvals WHERE run_id = '{run}' AND status = 'pending'"
    operator.sees(waits, "1")
    return run


def _is_approved_by_who_may_alone(operator: Person, run: str) -> None:
    waiting = operator.types(f"runfold status {run} --json", 75)
    call = json.loads(waiting)["waits_for"][0]["call_id"]
    asks = f"runfold approve {call} --tenant acme --user ben"
    told = operator.types(asks, IGNORED, RUNFOLD_TOKEN=token("acme", "ben"))
    assert "no policy permits tool.approve" in told
    assert "has no credential" in operator.types(asks, IGNORED, RUNFOLD_TOKEN="")
    dan = token("acme", "dan", "approver")
    approves = f"runfold approve {call} --tenant acme --user dan --role approver"
    operator.types(approves, RUNFOLD_TOKEN=dan)
    told = operator.types(f"runfold logs -f {run} --all")
    assert CANARY in told, "whoever holds the keys reads it"
    operator.sees(f"SELECT status FROM runs WHERE run_id = '{run}'", "completed")


def _nothing_is_read_in_plain(operator: Person, where: Settings) -> None:
    """No record, no segment of the broker, no artifact and no other file holds a word."""
    assert in_topics(where) == []
    assert in_files(operator.home) == []
    segments = [p for p in (operator.home / "kafka").rglob("*.log") if p.is_file()]
    assert segments
    assert [path.name for path in segments if BYTES in path.read_bytes()] == []


def _another_tenant_sees_nothing(operator: Person, run: str, eve: str) -> None:
    counts = (f"SELECT '{name}', count(*) FROM {name} WHERE run_id = '{run}'" for name in _TABLES)
    query = f'runfold sql --csv -c "{" UNION ALL ".join(counts)}" --tenant'
    theirs = _rows(operator.types(f"{query} umbrella", RUNFOLD_TOKEN=eve))
    assert theirs == dict.fromkeys(_TABLES, "0")
    own = _rows(operator.types(f"{query} acme"))
    assert [name for name in _TABLES if own[name] == "0"] == []
    shown = operator.types(f"runfold logs {run} --tenant umbrella || true", RUNFOLD_TOKEN=eve)
    assert CANARY not in shown


def _rows(printed: str) -> dict[str, str]:
    """The rows of two columns that `runfold sql --csv` prints, without its head."""
    return dict(line.split(",") for line in printed.split()[1:])


def _the_export_is_whole_and_on_record(operator: Person, run: str, where: Settings) -> None:
    operator.types("runfold tenant export acme --to exported")
    exported = operator.folder / "exported"
    manifest = json.loads((exported / "manifest.json").read_text())
    for name, said in manifest["files"].items():
        assert hashlib.sha256((exported / name).read_bytes()).hexdigest() == said["sha256"]
    assert holds((exported / f"{topics.EVENTS}.jsonl").read_bytes())
    with psycopg.connect(where.database_url) as connection:
        rows = connection.execute(
            "SELECT what, tenant, run_id, token_id, purpose FROM runfold.reads"
        ).fetchall()
    assert ("tenant export", "acme", "", "of-*", "the case 7") in rows
    assert [row for row in rows if row[0].startswith("logs") and row[2] == run]
    assert [row for row in rows if row[0].startswith("sql") and row[1] == "umbrella"]
    assert not any(holds(str(row).encode()) for row in rows)


def _an_erasure_leaves_chains_and_no_words(operator: Person, run: str, where: Settings) -> None:
    assert "Sound" in operator.types("runfold audit verify")
    operator.types("runfold tenant erase acme --yes --reason 'end of contract'")
    assert in_topics(where) == []
    assert in_tables(where) == []
    assert in_files(operator.home) == []
    said = operator.types("runfold audit verify")
    assert "Sound" in said
    # The request that was refused, for want of a credential, is one of them.
    assert "2 runs were erased" in said, said
    told = operator.types(f"runfold logs {run} --all")
    assert "(erased)" in told
    assert CANARY not in told
