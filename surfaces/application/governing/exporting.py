"""Exporting a tenant: everything that the log and the artifacts hold of it, in readable form.

A folder with JSON lines, one file a topic, the artifacts as they were given, and ``manifest.json``,
which lists every file with its size and sha256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.definitions import StoreRecord
from runfold.events.records.operations import DeadLetter
from runfold.events.run import Event
from runfold.events.sealing.sealing import TenantIn
from runfold.events.tenant import TenantEvent
from runfold.infra.artifacts.errors import ArtifactDamagedError, ArtifactMissingError
from runfold.infra.artifacts.port import ArtifactStore
from runfold.producers.log.port import Delivery, LogReader
from runfold.projections.rendering.readable import readable
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.private_folder import make_private

FORMAT = 1
"""The number of what an export looks like; it changes where a reader must know it."""

_TOPICS = (topics.REQUESTS, topics.CONTROLS, topics.EVENTS, topics.TENANT_EVENTS, topics.FEEDBACK)


@dataclass
class Export:
    """What was written: files by their name within the folder, with size and sha256."""

    tenant: str
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unreadable: int = 0


def export(
    reader: LogReader,
    artifacts: ArtifactStore,
    refs: Callable[[str], Iterator[str]],
    tenant_in: TenantIn,
    tenant: str,
    folder: Path,
    now: datetime,
) -> Export:
    """Write everything of a tenant into an empty or new folder, which only its owner may read.

    What was erased, or whose key is not here, says so in its place and is counted, as is an
    artifact that is damaged. ``tenant_in`` says whose a value of a topic is. Raises InvalidError
    for a folder that holds something or is somebody else's.
    """
    if why := make_private(folder):
        raise InvalidError(why)
    (folder / "artifacts").mkdir(mode=0o700)
    found, runs = Export(tenant), set[str]()
    for topic in _TOPICS:
        _write_topic(found, folder, topic, _of_tenant(reader, topic, tenant, runs))
    letters = _letters(reader, tenant, runs, tenant_in)
    _write_topic(found, folder, topics.DEAD_LETTERS, letters)
    _write_topic(found, folder, topics.REGISTRY, _definitions(reader, tenant))
    for ref in refs(tenant):
        try:
            data = artifacts.get(ref, tenant)
        except (ArtifactMissingError, ArtifactDamagedError):
            found.missing.append(ref)
            continue
        _write(found, folder, f"artifacts/{ref.rpartition('/')[2]}", data)
    manifest = {
        "format": FORMAT,
        "tenant": tenant,
        "exported_at": now.isoformat(),
        "records": found.records,
        "unreadable_records": found.unreadable,
        "missing_artifacts": found.missing,
        "files": found.files,
    }
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
    return found


def _of_tenant(
    reader: LogReader, topic: str, tenant: str, runs: set[str]
) -> Iterator[tuple[Delivery, Any]]:
    for each in reader.read(topic):
        record = each.record
        meta = record.meta if isinstance(record, Event | TenantEvent) else record
        if meta is not None and getattr(meta, "tenant_id", None) == tenant:
            # Who asks chooses the id of a run; the journal alone says whose it became.
            if isinstance(record, Event):
                runs.add(record.meta.run_id)
            yield each, record


def _letters(
    reader: LogReader, tenant: str, runs: set[str], tenant_in: TenantIn
) -> Iterator[tuple[Delivery, Any]]:
    """Yield the dead letters that name the tenant, and those that name nobody, of its runs.

    Of others nobody knows whose they are.
    """
    for each in reader.read(topics.DEAD_LETTERS):
        letter = each.record
        if isinstance(letter, DeadLetter):
            owner = tenant_in(letter.topic, letter.value or b"")
            key = (letter.key or b"").decode("utf-8", "replace")
            if owner == tenant or (owner is None and key in runs):
                yield each, letter


def _definitions(reader: LogReader, tenant: str) -> Iterator[tuple[Delivery, Any]]:
    for each in reader.read(topics.REGISTRY):
        if isinstance(each.record, StoreRecord) and each.record.tenant == tenant:
            yield each, each.record


def _write_topic(
    found: Export, folder: Path, topic: str, records: Iterator[tuple[Delivery, Any]]
) -> None:
    name, count = f"{topic}.jsonl", 0
    digest, size = hashlib.sha256(), 0
    with (folder / name).open("xb") as file:
        for delivery, record in records:
            line = _line(delivery, record).encode() + b"\n"
            file.write(line)
            digest.update(line)
            count, size = count + 1, size + len(line)
            found.unreadable += b'"(erased)"' in line or b'"(sealed)"' in line
    found.records[topic] = count
    found.files[name] = {"size": size, "sha256": digest.hexdigest()}


def _line(delivery: Delivery, record: Any) -> str:
    """Return a record as JSON on one line, with its place and the sha256 of its bytes."""
    place = delivery.place
    head = {
        "topic": place.topic,
        "partition": place.partition,
        "offset": place.offset,
        "sha256": hashlib.sha256(delivery.value or b"").hexdigest(),
        "type": type(record.fact).__name__ if hasattr(record, "fact") else type(record).__name__,
    }
    parts = [json.dumps(head)[:-1]]
    if isinstance(record, Record):
        parts.append(f'"record": {readable(record)}')
    else:
        parts += [f'"meta": {readable(record.meta)}', f'"fact": {readable(record.fact)}']
    return ", ".join(parts) + "}"


def _write(found: Export, folder: Path, name: str, data: bytes) -> None:
    (folder / name).write_bytes(data)
    found.files[name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
