"""Making a back-up, of a deployment that runs or of one whose processes are stopped.

The order matters:
1. the ends of all topics are fixed (``source``): this is the moment of the back-up
2. the records before them are written into files
3. the claims are copied: every call that the journal has, and that was made by then, is among them
4. the artifacts are copied: what a record or a claim refers to was there before it
5. the journal is folded from the files, as a restore will; then the manifest is written
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from runfold.events.avro.codec import Codec
from runfold.producers.log.consumers import Settings
from runfold.producers.log.port import LogReader
from runfold.surfaces.backup import artifacts, manifest, records, tables
from runfold.surfaces.backup.errors import NotEmptyError
from runfold.surfaces.backup.manifest import FORMAT, Manifest, PartitionSaid, said_of
from runfold.surfaces.backup.plan import Plan, live_and_ended
from runfold.surfaces.backup.records import Kept
from runfold.surfaces.backup.source import Range, Source

Report = Callable[[str], None]
"""Told what is done, one line at a time."""

_LINE_EVERY = 100_000


def backup(
    kafka: Settings,
    reader: LogReader,
    codec: Codec,
    database_url: str,
    store: Path,
    target: Path,
    report: Report = lambda _: None,
) -> Plan:
    """Write a back-up into a folder, which is made; return it, folded.

    Raises BackupError, LogError, psycopg.Error and OSError; what was written then has no manifest,
    and is no back-up.
    """
    _need_place(target)
    began_at, source = datetime.now(UTC), Source(kafka, reader)
    ranges = source.ranges()
    said = [_save(source, each, target, report) for each in ranges]
    source.check()
    rows = tables.save(database_url, target)
    for table in rows:
        report(f"{table.name}: {table.rows:,} rows")
    files, damaged = artifacts.save(store, target)
    report(f"artifacts: {len(files):,} files")
    made = Manifest(
        format=FORMAT,
        runfold=version("runfold"),
        began_at=began_at,
        ended_at=datetime.now(UTC),
        partitions=source.partitions,
        topic_ids=source.ids,
        live_runs=0,
        ended_runs=0,
        topics=tuple(said),
        tables=tuple(rows),
        artifacts=tuple(files),
        damaged_artifacts=tuple(damaged),
    )
    plan = Plan(target, made, codec)
    plan.fold()
    live, ended = live_and_ended(plan.cuts)
    plan.manifest = made.model_copy(update={"live_runs": live, "ended_runs": ended})
    manifest.write(target, plan.manifest)
    return plan


def doubts(plan: Plan) -> Iterator[str]:
    """Yield what a back-up lacks, in sentences."""
    for said in plan.manifest.topics:
        place = f"{said.topic}/{said.partition}"
        if gone := plan.missing(said):
            yield (
                f"{gone} offsets of {place} had been deleted before anybody had read them: "
                "what was asked for there is lost"
            )
        for first, behind in said.unreadable:
            yield f"the offsets {first} to {behind - 1} of {place} cannot be read, and are left out"
    missing = plan.missing_artifacts()
    # A requester may name what never was: where there is a store, that is no fault of the back-up.
    if missing and not plan.manifest.artifacts:
        yield (
            f"{len(missing)} artifacts that the journal names are not there, since the "
            f"store is empty, such as "
            f"{min(missing)[:12]}: was the command run where RUNFOLD_HOME is theirs?"
        )
    for name in plan.manifest.damaged_artifacts:
        yield f"the artifact {name} is damaged, and is left out"


def _need_place(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    # Prompts, results and claims are in it.
    target.chmod(0o700)
    if any(target.iterdir()):
        raise NotEmptyError(f"{target} is not empty: name a folder that is, or is to be made.")
    if not os.access(target, os.W_OK):
        raise NotEmptyError(f"{target} cannot be written to.")


def _save(source: Source, wanted: Range, target: Path, report: Report) -> PartitionSaid:
    path = target / "topics" / wanted.topic / f"{wanted.partition}.avro"
    shown = _shown(source.records(wanted), f"{wanted.topic}/{wanted.partition}", report)
    count = records.write(path, shown)
    report(f"{wanted.topic}/{wanted.partition}: {count:,} records")
    return PartitionSaid(
        topic=wanted.topic,
        partition=wanted.partition,
        start=wanted.start,
        before=wanted.before,
        end=wanted.end,
        records=count,
        file=said_of(target, path),
        unreadable=tuple(wanted.unreadable),
    )


def _shown(found: Iterator[Kept], place: str, report: Report) -> Iterator[Kept]:
    for count, each in enumerate(found, 1):
        yield each
        if count % _LINE_EVERY == 0:
            report(f"{place}: {count:,} records so far")
