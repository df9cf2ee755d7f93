"""The committed schemas follow the classes until they are released, and never change after."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from runfold.events.avro import releases
from runfold.events.avro.compatibility import incompatibilities, unreadable
from runfold.events.avro.files import SCHEMAS, SchemaFolder
from runfold.events.avro.registry import LockRegistry
from runfold.events.avro.schema import pretty, schema_for, subject
from runfold.events.catalogue import CATALOGUE, TERMINAL_FACTS
from runfold.events.errors import SchemaError, WireError
from runfold.events.records.operations import PositionNoted, RestorePoint
from runfold.events.run import ToolCallStarted
from runfold.events.topics import COMPLETIONS, EVENTS, RESTORE, TENANT_EVENTS, TENANT_RESTORE

STARTED = subject(EVENTS, ToolCallStarted)


@pytest.fixture
def folder(tmp_path: Path) -> SchemaFolder:
    made = SchemaFolder(tmp_path)
    releases.write(made)
    return made


def change(folder: SchemaFolder, name: str, old: str, new: str) -> None:
    file = folder.schema_file(name, 1)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_committed_schemas_are_those_of_the_classes() -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "runfold.events.avro", "--check"],
        capture_output=True, text=True, cwd=SCHEMAS.parent, check=False,
    )  # fmt: skip
    assert (asked.returncode, asked.stderr) == (0, "")


def test_every_subject_is_committed_with_an_id() -> None:
    listed = {entry.subject for entry in SchemaFolder().entries()}
    assert {name for name, _ in releases.subjects()} <= listed


def test_a_draft_that_fell_behind_is_drift_and_is_written_again(folder: SchemaFolder) -> None:
    assert releases.drift(folder) == []
    change(folder, STARTED, '"timeout_ms"', '"time_out"')
    assert releases.drift(folder) == [f"{STARTED} version 1: its class has moved on."]
    releases.write(folder)
    assert releases.drift(folder) == []


def test_a_draft_keeps_its_id(folder: SchemaFolder) -> None:
    before = folder.entries()
    change(folder, STARTED, '"timeout_ms"', '"time_out"')
    releases.write(folder)
    assert folder.entries() == before


def test_a_released_file_may_not_change(folder: SchemaFolder) -> None:
    released = releases.release(folder)
    assert f"{STARTED} 1" in released
    assert releases.drift(folder) == []
    assert releases.release(folder) == []
    change(folder, STARTED, "handed", "given")
    assert releases.drift(folder) == [
        f"{STARTED} version 1: it is released and was changed; check it out again."
    ]


def test_a_released_sample_may_not_vanish(folder: SchemaFolder) -> None:
    releases.release(folder)
    folder.golden_file(STARTED, 1, "bin").unlink()
    assert any(problem.startswith(STARTED) for problem in releases.drift(folder))


def test_a_released_sample_may_not_change(folder: SchemaFolder) -> None:
    releases.release(folder)
    folder.golden_file(STARTED, 1, "json").write_text("{}")
    assert any(problem.startswith(STARTED) for problem in releases.drift(folder))


def test_a_class_that_changes_after_its_release_gets_a_second_version(
    folder: SchemaFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases.release(folder)
    was = folder.schema_file(STARTED, 1).read_text()
    with_a_field(monkeypatch, ["null", "string"], default=None)
    assert releases.drift(folder) != []
    releases.write(folder)
    assert folder.schema_file(STARTED, 1).read_text() == was
    assert "added" in folder.schema_file(STARTED, 2).read_text()
    versions = {e.version: e for e in folder.entries() if e.subject == STARTED}
    assert versions[1].released
    assert not versions[2].released
    assert versions[1].id != versions[2].id
    assert incompatibilities(folder) == []
    monkeypatch.undo()
    releases.write(folder)
    assert not folder.schema_file(STARTED, 2).exists()
    assert releases.drift(folder) == []


def test_a_field_without_a_default_is_incompatible_in_both_directions(
    folder: SchemaFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases.release(folder)
    with_a_field(monkeypatch, "string")
    releases.write(folder)
    assert any(
        problem.startswith(f"{STARTED}: version 2 cannot read what version 1 wrote")
        for problem in incompatibilities(folder)
    )


def test_new_documentation_alone_makes_no_new_version(
    folder: SchemaFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases.release(folder)
    monkeypatch.setattr(ToolCallStarted, "__doc__", "Said better.")
    assert releases.drift(folder) == []
    text = pretty(schema_for(ToolCallStarted))
    assert LockRegistry(folder).id_of(STARTED, text) > 0


def with_a_field(monkeypatch: pytest.MonkeyPatch, kind: object, **more: object) -> None:
    """Let the class ToolCallStarted have one more field, as far as the generator sees."""
    original = releases.schema_for

    def altered(record: type) -> object:
        schema = original(record)
        if record is ToolCallStarted:
            schema["fields"].append({"name": "added", "type": kind, **more})
        return schema

    monkeypatch.setattr(releases, "schema_for", altered)


_IN_EACH_JOURNAL = (
    (TENANT_EVENTS, PositionNoted, EVENTS),
    (TENANT_RESTORE, RestorePoint, RESTORE),
)
"""What the lanes of every kind of aggregate write."""


def test_an_id_belongs_to_a_content() -> None:
    entries = {(e.subject, e.version): e.id for e in SchemaFolder().entries()}
    for topic, record, of_runs in _IN_EACH_JOURNAL:
        assert entries.pop((subject(topic, record), 1)) in {
            number for (name, _), number in entries.items() if name == subject(of_runs, record)
        }
    ends = {subject(COMPLETIONS, fact): subject(EVENTS, fact) for fact in TERMINAL_FACTS}
    shared = [(ends[name], version) for name, version in entries if name in ends]
    for (name, version), number in entries.items():
        if name in ends:
            assert entries[ends[name], version] == number
    names = sum(len(records) for records in CATALOGUE.values())
    firsts = {number for (_, version), number in entries.items() if version == 1}
    assert len(firsts) == names - len(TERMINAL_FACTS) - len(_IN_EACH_JOURNAL)
    assert len(set(entries.values())) == len(entries) - len(shared)


def test_every_released_version_reads_every_other() -> None:
    assert incompatibilities(SchemaFolder()) == []


@pytest.mark.parametrize(
    ("more", "readable"),
    [
        ({"name": "added", "type": "string"}, False),
        ({"name": "added", "type": "string", "default": ""}, True),
        ({"name": "added", "type": ["null", "string"], "default": None}, True),
    ],
)
def test_a_new_field_needs_a_default(more: dict[str, object], readable: bool) -> None:
    old = schema_for(ToolCallStarted)
    new = {**old, "fields": [*old["fields"], more]}
    assert (unreadable(json.dumps(new), json.dumps(old)) == []) is readable
    assert unreadable(json.dumps(old), json.dumps(new)) == []


def test_the_lock_registry_says_what_it_misses(folder: SchemaFolder) -> None:
    registry = LockRegistry(folder)
    with pytest.raises(WireError, match="No schema has the id 4711"):
        registry.schema_of(4711)
    with pytest.raises(SchemaError, match="commit what it writes"):
        registry.id_of(STARTED, '{"type": "record", "name": "X", "fields": []}')


def test_a_torn_lock_is_refused_by_its_line(folder: SchemaFolder) -> None:
    (folder.root / "ids.lock").write_text("runs.events 1\n")
    with pytest.raises(SchemaError, match=r"the line 'runs\.events 1'"):
        folder.entries()
