"""Making a back-up, of a deployment that runs or of one whose processes are stopped.

The order matters:
1. the ends of all topics are fixed (``source``): this is the moment of the back-up
2. the records before them are written into files
3. the claims are copied: every call that the journal has, and that was made by then, is among them
4. the artifacts are copied: what a record or a claim refers to was there before it
5. the journal is folded from the files, as a restore will; then the manifest is written
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from runfold.events.avro.codec import Codec
from runfold.infra.deployment import binding
from runfold.infra.kafka import restoring
from runfold.producers.log.consumers import Settings, admin_of
from runfold.producers.log.port import LogReader
from runfold.surfaces.backup import artifacts, manifest, place, records, tables
from runfold.surfaces.backup.errors import BackupError
from runfold.surfaces.backup.manifest import FORMAT, Manifest, PartitionSaid, said_of
from runfold.surfaces.backup.plan import Plan, live_and_ended
from runfold.surfaces.backup.source import Range, Source
from runfold.surfaces.backup.telling import NOBODY, Counted, Told, line


def backup(
    kafka: Settings,
    reader: LogReader,
    codec: Codec,
    database_url: str,
    store: Path,
    target: Path,
    told: Told = NOBODY,
) -> Plan:
    """Write a back-up into a folder, which is made; return it, folded.

    ``store`` is the folder of the artifacts in a home, into which no back-up is written.

    Raises BackupError, LogError, psycopg.Error and OSError; what was written then has no manifest,
    and is no back-up.
    """
    place.need(target, store.parent)
    if said := restoring.unfinished(admin_of(kafka)):
        raise BackupError(said)
    binding.need(kafka, database_url, told.line)
    place.make(target)
    began_at, source = datetime.now(UTC), Source(kafka, reader)
    parts = list(_save(source, target, told))
    source.check()
    rows = tables.save(database_url, target)
    for table in rows:
        told.line(f"{table.name}: {table.rows:,} rows")
    files, damaged = artifacts.save(store, target)
    told.line(f"artifacts: {len(files):,} files")
    made = Manifest(
        format=FORMAT,
        runfold=version("runfold"),
        began_at=began_at,
        ended_at=datetime.now(UTC),
        partitions=source.partitions,
        topic_ids=source.ids,
        live_runs=0,
        ended_runs=0,
        topics=tuple(parts),
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
        where = f"{said.topic}/{said.partition}"
        if gone := plan.missing(said):
            yield (
                f"{gone} offsets of {where} had been deleted before anybody had read them: "
                "what was asked for there is lost"
            )
        for first, behind in said.unreadable:
            yield f"the offsets {first} to {behind - 1} of {where} cannot be read, and are left out"
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


def _save(source: Source, target: Path, told: Told) -> Iterator[PartitionSaid]:
    """Write the records of every range; a line a topic."""
    ranges = source.ranges()
    counted = Counted(told.progress, sum(each.end - each.start for each in ranges))
    for topic, places in groupby(ranges, lambda each: each.topic):
        found = [_partition(source, each, target, counted) for each in places]
        told.line(line(topic, len(found), sum(each.records for each in found)))
        yield from found


def _partition(source: Source, wanted: Range, target: Path, counted: Counted) -> PartitionSaid:
    path = target / "topics" / wanted.topic / f"{wanted.partition}.avro"
    count = records.write(path, counted.over(source.records(wanted)))
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
