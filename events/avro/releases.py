"""Schemas through time: drafts follow the classes, released versions never change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from runfold.events.avro.compiled.writers import writer_for
from runfold.events.avro.files import Entry, SchemaFolder
from runfold.events.avro.samples import sample
from runfold.events.avro.schema import meaning, pretty, schema_for, subject
from runfold.events.avro.shapes import meta_of
from runfold.events.base import Fact, Record
from runfold.events.catalogue import CATALOGUE


def subjects() -> Iterator[tuple[str, type[Record]]]:
    """Yield every subject and its class, in the catalogue's order."""
    for topic, records in CATALOGUE.items():
        for record in records:
            yield subject(topic, record), record


def plan(folder: SchemaFolder) -> dict[Entry, type[Record] | None]:
    """Return the lock as it should be; a class beside an entry means its files are a draft.

    A released newest version stays while its class says the same; a change of documentation
    alone makes no new version.
    """
    before = folder.entries()
    planned: dict[Entry, type[Record] | None] = {e: None for e in before if e.released}
    drafts = {entry.subject: entry for entry in before if not entry.released}
    ids = _Ids(folder, before)
    for name, record in subjects():
        said = meaning(schema_for(record))
        newest = max(
            (e for e in before if e.released and e.subject == name), key=_age, default=None
        )
        if newest and meaning(folder.schema(newest)) == said:
            continue
        number = ids.for_schema(said, drafts.get(name))
        planned[Entry(name, newest.version + 1 if newest else 1, number)] = record
    return planned


def _age(entry: Entry) -> int:
    return entry.version


class _Ids:
    """An id is a content's: subjects with one schema share it, as in a Confluent registry."""

    def __init__(self, folder: SchemaFolder, entries: tuple[Entry, ...]) -> None:
        self._next = max((entry.id for entry in entries), default=0) + 1
        self._by_meaning = {
            meaning(folder.schema(entry)): entry.id for entry in entries if entry.released
        }
        self._taken = set(self._by_meaning.values())

    def for_schema(self, said: str, drafted: Entry | None) -> int:
        number = self._by_meaning.get(said)
        if number is None:
            keeps = drafted is not None and drafted.id not in self._taken
            number = drafted.id if drafted and keeps else self._next
            self._next = max(self._next, number + 1)
            self._by_meaning[said] = number
            self._taken.add(number)
        return number


def write(folder: SchemaFolder) -> list[str]:
    """Bring drafts and lock up to the classes; return what was not as it should be."""
    changed = drift(folder)
    planned = plan(folder)
    for stale in set(folder.entries()) - set(planned):
        _remove(folder, stale)
    for entry, record in planned.items():
        if record is not None:
            for file, data in _files(folder, entry, record).items():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
    folder.write_entries(tuple(planned))
    return changed


def release(folder: SchemaFolder) -> list[str]:
    """Freeze every draft; return the subjects with their versions."""
    write(folder)
    entries = folder.entries()
    frozen = tuple(
        e if e.released else replace(e, digest=folder.digest(e.subject, e.version)) for e in entries
    )
    folder.write_entries(frozen)
    return [f"{e.subject} {e.version}" for e in entries if not e.released]


def drift(folder: SchemaFolder) -> list[str]:
    """Return what is not as it should be, one sentence each; nothing if all is well."""
    problems = [
        f"{e.subject} version {e.version}: it is released and was changed; check it out again."
        for e in folder.entries()
        if e.released and not _intact(folder, e)
    ]
    if problems:
        return problems
    planned = plan(folder)
    for entry, record in planned.items():
        if record is not None:
            files = _files(folder, entry, record)
            if any(not file.exists() or file.read_bytes() != files[file] for file in files):
                problems.append(f"{entry.subject} version {entry.version}: its class has moved on.")
    if set(planned) != set(folder.entries()):
        problems.append("ids.lock: it does not list what the catalogue holds.")
    return problems


def golden(record: type[Record]) -> tuple[bytes, bytes]:
    """Return a class's sample: its Avro bytes, and the JSON of what they say."""
    said = sample(record)
    body = writer_for(record)(said)
    shown = said.model_dump(mode="json")
    if issubclass(record, Fact):
        meta = sample(meta_of(record))
        body = writer_for(type(meta))(meta) + body
        shown = {"meta": meta.model_dump(mode="json"), **shown}
    return body, pretty(shown).encode()


def _files(folder: SchemaFolder, entry: Entry, record: type[Record]) -> dict[Path, bytes]:
    body, shown = golden(record)
    return {
        folder.schema_file(entry.subject, entry.version): pretty(schema_for(record)).encode(),
        folder.golden_file(entry.subject, entry.version, "bin"): body,
        folder.golden_file(entry.subject, entry.version, "json"): shown,
    }


def _remove(folder: SchemaFolder, entry: Entry) -> None:
    """Take a draft's files away, and its folders once they are empty."""
    files = [folder.schema_file(entry.subject, entry.version)]
    files += [folder.golden_file(entry.subject, entry.version, kind) for kind in ("bin", "json")]
    for file in files:
        file.unlink(missing_ok=True)
        if file.parent.exists() and not any(file.parent.iterdir()):
            file.parent.rmdir()


def _intact(folder: SchemaFolder, entry: Entry) -> bool:
    try:
        return folder.digest(entry.subject, entry.version) == entry.digest
    except OSError:
        return False
