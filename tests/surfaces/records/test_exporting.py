"""Everything of a tenant in a folder: readable, listed, private, and nothing of others."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.contents.content import text as said
from runfold.events.records.commands import RunRequested
from runfold.events.records.operations import DeadLetter
from runfold.infra.artifacts.errors import ArtifactDamagedError
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.application.governing.erasing import erase
from runfold.surfaces.application.governing.exporting import Export, export
from runfold.surfaces.backup import place
from runfold.surfaces.backup.errors import BackupError
from tests.surfaces.kept import START, World, views, world

__all__ = ["views", "world"]


def test_an_export_is_readable_listed_and_private(world: World, tmp_path: Path) -> None:
    world.keeping.seal("acme")
    world.asks("find the letter")
    world.asks("of another", "umbrella")
    world.artifacts.put(b"the letter", "text/plain", "acme")

    out = tmp_path / "out"
    export(world.log, world.artifacts, world.files.refs, world.codec.tenant_in, "acme", out, START)

    manifest = json.loads((out / "manifest.json").read_text())
    (line,) = (out / f"{topics.REQUESTS}.jsonl").read_text().splitlines()
    assert json.loads(line)["record"]["goal"]["text"] == "find the letter"
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    for name, about in manifest["files"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == about["sha256"]
    (artifact,) = [name for name in manifest["files"] if name.startswith("artifacts/")]
    assert (out / artifact).read_bytes() == b"the letter"
    with pytest.raises(InvalidError, match="new or empty"):
        export(
            world.log, world.artifacts, world.files.refs, world.codec.tenant_in, "acme", out, START
        )


def _exported(world: World, folder: Path, tenant: str = "acme") -> Export:
    tenant_in = world.codec.tenant_in
    return export(world.log, world.artifacts, world.files.refs, tenant_in, tenant, folder, START)


def _dead(world: World, key: str, value: bytes) -> None:
    letter = DeadLetter(
        topic=topics.REQUESTS, partition=0, offset=0, time=START, code="invalid", reason="bad",
        size=len(value), key=key.encode(), value=value,
    )  # fmt: skip
    world.log.publish(topics.DEAD_LETTERS, letter, key)


@pytest.mark.parametrize("sealed", [False, True])
def test_who_takes_the_id_of_anothers_run_is_given_nothing_of_it(
    world: World, tmp_path: Path, sealed: bool
) -> None:
    if sealed:
        for tenant in ("acme", "umbrella"):
            world.keeping.seal(tenant)
    world.asks("of umbrella", "umbrella")
    (record,) = [each.record for each in world.log.read(topics.REQUESTS)]
    assert isinstance(record, RunRequested)
    _dead(world, record.run_id, Codec(LockRegistry()).encode(topics.REQUESTS, record))
    _dead(world, record.run_id, b"garbage of umbrella")
    posing = record.model_copy(update={"tenant_id": "acme", "goal": said("mine")})
    world.log.publish(topics.REQUESTS, posing, record.run_id)
    _dead(world, "no run", Codec(LockRegistry()).encode(topics.REQUESTS, posing))

    found = {tenant: _exported(world, tmp_path / tenant, tenant) for tenant in ("acme", "umbrella")}

    assert {t: each.records[topics.DEAD_LETTERS] for t, each in found.items()} == {
        "acme": 1, "umbrella": 1,
    }  # fmt: skip
    written = "".join(path.read_text() for path in (tmp_path / "acme").glob("*.jsonl"))
    assert "mine" in written
    assert "of umbrella" not in written


def test_a_damaged_artifact_is_named_and_the_others_are_there(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [world.artifacts.put(word, "text/plain", "acme").ref for word in (b"one", b"two")]
    get = world.artifacts.get

    def damaged(ref: str, tenant_id: str) -> bytes:
        if ref == kept[0]:
            raise ArtifactDamagedError("restore it")
        return get(ref, tenant_id)

    monkeypatch.setattr(world.artifacts, "get", damaged)
    found = _exported(world, tmp_path / "out")
    assert found.missing == kept[:1]
    assert len([name for name in found.files if name.startswith("artifacts/")]) == 1
    assert (tmp_path / "out" / "manifest.json").exists()


def _file(path: Path) -> None:
    path.write_text("x")


def _full(path: Path) -> None:
    path.mkdir(mode=0o755)
    (path / "x").write_text("x")


def _beneath_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("x")


@pytest.mark.parametrize(
    ("prepare", "why"),
    [(_file, "is no folder"), (_full, "holds something"), (_beneath_a_file, "cannot be used")],
)
def test_a_folder_that_cannot_be_is_refused_and_stays(
    world: World, tmp_path: Path, prepare: Callable[[Path], None], why: str
) -> None:
    out = tmp_path / "in" / "out"
    out.parent.mkdir()
    prepare(out)
    before = out.stat().st_mode if out.exists() else None
    with pytest.raises(InvalidError, match=why):
        _exported(world, out)
    assert (out.stat().st_mode if out.exists() else None) == before


def test_an_empty_folder_of_somebody_else_is_refused(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = os.geteuid() + 1
    monkeypatch.setattr("runfold.surfaces.private_folder.os.geteuid", lambda: other)
    with pytest.raises(InvalidError, match="belongs to somebody else"):
        _exported(world, tmp_path)
    # A back-up holds as much.
    with pytest.raises(BackupError, match="belongs to somebody else"):
        place.make(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_export_says_what_was_erased(world: World, views: Engine, tmp_path: Path) -> None:
    world.keeping.seal("acme")
    world.asks("find the letter")
    list(erase(world.keeping, "acme", world.beside(views)))

    found = export(
        world.log,
        world.artifacts,
        world.files.refs,
        world.codec.tenant_in,
        "acme",
        tmp_path / "out",
        START,
    )

    assert found.records[topics.REQUESTS] == 1
    assert "find the letter" not in (tmp_path / "out" / f"{topics.REQUESTS}.jsonl").read_text()
