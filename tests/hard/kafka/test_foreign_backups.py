"""Back-ups that are damaged, or that somebody made to do harm; places that none is written to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runfold.events import topics
from runfold.surfaces.backup import artifacts, manifest, place, records, restore, tables
from runfold.surfaces.backup.errors import BackupError, NotABackupError, NotEmptyError
from runfold.surfaces.backup.filling import EACH, FREE
from runfold.surfaces.backup.manifest import FileSaid, TableSaid, said_of
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from tests.support.builders.backups import Folder, kept, noted
from tests.support.builders.history import CODEC

DATA = b"payload"
NAME = hashlib.sha256(DATA).hexdigest()


def whole(root: Path) -> Path:
    """A back-up of one partition with one artifact and one table."""
    folder = Folder(root / "back-up").put(topics.EVENTS, noted(0, requests=1), noted(1, requests=2))
    folder.write()
    artifact = folder.root / "artifacts" / "tenant-acme" / NAME[:2] / NAME
    artifact.parent.mkdir(parents=True)
    artifact.write_bytes(DATA)
    rows = folder.root / "tables" / "repricings.copy"
    rows.parent.mkdir()
    rows.write_bytes(b"one\ntwo\n")
    table = TableSaid(name="repricings", columns=("id",), rows=2, file=said_of(folder.root, rows))
    made = manifest.read(folder.root)
    named = {"artifacts": (said_of(folder.root, artifact),), "tables": (table,)}
    manifest.write(folder.root, made.model_copy(update=named))
    return folder.root


def changed(folder: Path, change: Callable[[Any], object]) -> None:
    said = json.loads((folder / "manifest.json").read_text())
    change(said)
    (folder / "manifest.json").write_text(json.dumps(said))


def read(folder: Path) -> None:
    restore.read(folder, CODEC, lambda _: None)


def test_a_back_up_made_by_hand_is_whole(tmp_path: Path) -> None:
    plan = restore.read(whole(tmp_path), CODEC, lambda _: None)
    assert plan.cuts[0].decided(topics.REQUESTS) == 2


OF_A_NEWER_RELEASE = b"\0\x7f\0\0\0which names artifact:acme/0"


@pytest.mark.parametrize("key", ["run-1", None])
def test_a_back_up_of_a_newer_release_is_refused_with_a_sentence(
    tmp_path: Path, key: str | None
) -> None:
    folder = Folder(tmp_path / "b").put(topics.EVENTS, noted(0), kept(1, key, OF_A_NEWER_RELEASE))
    with pytest.raises(BackupError) as refused:
        folder.plan()
    said = str(refused.value)
    assert "release" in said
    assert (
        "run-1: back up, and restore, with that" if key else "that wrote it, to back up"
    ) in said
    assert "is not whole" not in said


def part(said: Any, topic: str = topics.EVENTS) -> Any:
    return next(each for each in said["topics"] if each["topic"] == topic)


def elsewhere(path: str) -> Callable[[Any], object]:
    return lambda said: said["artifacts"][0].update(path=path)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (elsewhere("artifacts/../payload/evil.txt"), "evil.txt"),
        (elsewhere(f"artifacts/tenant-a/../../{NAME[:2]}/{NAME}"), "artifact"),
        (elsewhere(f"artifacts/tenant-../../{NAME[:2]}/{NAME}"), "artifact"),
        (elsewhere(f"/artifacts/tenant-a/{NAME[:2]}/{NAME}"), "artifact"),
        (elsewhere(f"artifacts/tenant-a/{NAME[:2]}/{'0' * 64}"), "artifact"),
        (lambda s: s["artifacts"].append(s["artifacts"][0]), "twice"),
        (lambda s: part(s).update(topic="orders"), "orders/0"),
        (lambda s: part(s).update(topic=topics.TOOL_CALLS), "calls/0"),
        (lambda s: part(s).update(partition=1), "runs.events/1"),
        (lambda s: s["topics"].remove(part(s)), "lacks the partition runs.events/0"),
        (lambda s: s["topics"].append(part(s)), "twice"),
        (lambda s: s.update(partitions=2), "lacks the partition"),
        (lambda s: s.update(partitions=10**12), "partitions"),
        (lambda s: s.update(partitions=0), "partitions"),
        (lambda s: part(s)["file"].update(path="topics/runs.events/../x/0.avro"), "file"),
        (lambda s: part(s).update(records=3), "3 records"),
        (lambda s: part(s).update(start=5), "from offset 5"),
        (lambda s: part(s).update(end=1, records=1), "offset 1"),
        (lambda s: part(s).update(end=3, records=3), "holds 2 records"),
        (lambda s: part(s).update(end=2**70), "end must be less than"),
        (lambda s: part(s).update(start=-1), "start must be 0 or more"),
        (lambda s: s["tables"][0].update(name="pg_authid"), "pg_authid"),
        (lambda s: s["tables"][0]["file"].update(path="tables/../x.copy"), "x.copy"),
        (lambda s: s["tables"][0].update(columns=["id", 'x") FROM']), "columns"),
        (lambda s: s["tables"][0].update(rows=7), "2 rows"),
        (lambda s: s["tables"].append(s["tables"][0]), "twice"),
        (lambda s: s.update(began_at="0001-01-01T00:00:00Z"), "began_at must be more than"),
        (lambda s: s.update(runfold="\ud800"), "must be JSON"),
    ],
)
def test_a_manifest_that_no_back_up_has_is_refused(
    tmp_path: Path, change: Callable[[Any], object], why: str
) -> None:
    folder = whole(tmp_path)
    changed(folder, change)
    with pytest.raises(NotABackupError, match=why):
        read(folder)


def test_what_is_filled_is_bounded_by_what_the_back_up_holds(tmp_path: Path) -> None:
    folder = whole(tmp_path)
    changed(folder, lambda said: part(said).update(end=FREE + 2 * EACH))
    read(folder)
    for end in (FREE + 2 * EACH + 1, 2**62):
        changed(folder, lambda said, end=end: part(said).update(end=end))
        with pytest.raises(NotABackupError, match=r"holds 2 records .* runs\.events/0"):
            read(folder)


def test_so_is_what_is_filled_before_the_first_input(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "back-up").put(topics.EVENTS, noted(0, requests=2**40))
    folder.write()
    with pytest.raises(NotABackupError, match=r"most of them in runs\.requests/0"):
        read(folder.root)


def test_no_artifact_is_written_outside_the_store(tmp_path: Path) -> None:
    folder = whole(tmp_path)
    (folder / "payload").mkdir()
    (folder / "payload" / "evil.txt").write_bytes(DATA)
    evil = FileSaid(path="artifacts/../payload/evil.txt", size=len(DATA), sha256=NAME)
    with pytest.raises(NotABackupError, match="not the path of an artifact"):
        artifacts.load(tmp_path / "home" / "artifacts", folder, [evil])
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "at", ["artifacts", "artifacts/tenant-acme", f"artifacts/tenant-acme/{NAME[:2]}/{NAME}"]
)
def test_a_link_in_a_back_up_is_refused(tmp_path: Path, at: str) -> None:
    folder = whole(tmp_path)
    (folder / at).rename(tmp_path / "outside")
    (folder / at).symlink_to(tmp_path / "outside")
    with pytest.raises(NotABackupError, match="symbolic link"):
        read(folder)


def replaced(folder: Path, data: bytes) -> None:
    """Another file of records, with the digest that the manifest needs."""
    path = folder / "topics" / topics.EVENTS / "0.avro"
    path.write_bytes(data)
    changed(folder, lambda said: part(said).update(file=said_of(folder, path).model_dump()))


def test_records_of_another_form_are_refused(tmp_path: Path) -> None:
    folder = whole(tmp_path)
    sound = (folder / "topics" / topics.EVENTS / "0.avro").read_bytes()
    for data in (
        b"",
        b"no avro",
        sound[:-20],
        sound[:40] + b"\xff" * 40,
        sound.replace(b"key", b"kay"),
    ):
        replaced(folder, data)
        with pytest.raises(NotABackupError, match=r"holds no records|records, the manifest says"):
            read(folder)


def test_records_that_are_not_in_order_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "0.avro"
    records.write(path, [kept(3), kept(2)])
    with pytest.raises(NotABackupError, match="offset 2"):
        records.check(path, 0, 9, 2)


def test_a_journal_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"runs.events/0"):
        Folder(tmp_path).put(topics.EVENTS, kept(0, "r", b"no event")).plan()


def as_text(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_link(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to(path.with_name("other"))


HARM = [
    *map(as_text, [b"\xff\xfe", b"no json", b"[" * 10**6, b"[]", b"{}", b'{"format": "one"}']),
    as_folder,
    as_link,
]


@pytest.mark.parametrize("harm", HARM)
def test_the_command_refuses_a_damaged_manifest_as_bad_input(
    tmp_path: Path, harm: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = whole(tmp_path)
    harm(folder / "manifest.json")
    assert run(["restore", str(folder)]) == exits.BAD_INPUT
    said = capsys.readouterr().err
    assert "bug in Runfold" not in said
    assert str(folder) in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "why"), [("backup", "is no folder"), ("restore", "is no back-up")]
)
def test_the_command_refuses_a_file_as_bad_input(
    tmp_path: Path, command: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert run([command, str(tmp_path / "file")]) == exits.BAD_INPUT
    assert f"{tmp_path / 'file'} {why}" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_is_refused_stays_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "mine"
    target.mkdir(mode=0o755)
    target.chmod(0o755)
    (target / "letter").write_text("mine")
    with pytest.raises(NotEmptyError, match="is not empty"):
        place.need(target, tmp_path / "home")
    assert run(["backup", str(target)]) == exits.BAD_INPUT
    assert target.stat().st_mode & 0o777 == 0o755


def test_a_folder_that_is_accepted_is_its_owner_s_alone(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir(mode=0o755)
    for target in (tmp_path / "empty", tmp_path / "new"):
        place.need(target, tmp_path / "home")
        place.make(target)
        assert target.stat().st_mode & 0o777 == 0o700


def test_files_of_a_back_up_are_their_owner_s_alone(tmp_path: Path) -> None:
    files = [path for path in whole(tmp_path).rglob("*") if path.is_file()]
    assert len(files) > 8
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


@pytest.mark.parametrize(
    "name", ["", "artifacts", "artifacts/monday", "run/x", "kafka", "postgres/a/b"]
)
def test_no_back_up_is_written_into_what_a_home_keeps(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "link").symlink_to(home)
    for target in (home / name, tmp_path / "link" / name, home / "back-ups" / ".." / name):
        with pytest.raises(BackupError, match="a folder of the home"):
            place.need(target, home)
    place.need(home / "back-ups" / "monday", home)
    assert list(home.iterdir()) == []


def test_a_file_where_no_artifact_is_kept_makes_no_back_up_that_is_refused(tmp_path: Path) -> None:
    strange = tmp_path / "store" / NAME
    strange.parent.mkdir()
    strange.write_bytes(DATA)
    found, damaged = artifacts.save(tmp_path / "store", tmp_path / "kept")
    assert (found, damaged) == ([], [NAME])


def test_rows_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.copy"
    path.write_bytes(b"a\\nb\nc\n")
    said = TableSaid(name="repricings", columns=("id",), rows=2, file=said_of(tmp_path, path))
    tables.check(path, said)
    with pytest.raises(NotABackupError, match="holds 2 rows"):
        tables.check(path, said.model_copy(update={"rows": 3}))
