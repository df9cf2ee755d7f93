"""Back-ups made by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from runfold.events import topics
from runfold.events.records.operations import PositionNoted
from runfold.events.values import Position
from runfold.surfaces.backup import manifest, records, restore
from runfold.surfaces.backup.manifest import Manifest, PartitionSaid, said_of
from runfold.surfaces.backup.plan import Plan
from runfold.surfaces.backup.records import Kept
from runfold.surfaces.backup.source import KEPT, TENANTS_ONLY
from tests.support.builders.history import CODEC

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def kept(offset: int, key: str | None = None, value: bytes | None = b"v") -> Kept:
    """A record at an offset."""
    return Kept(offset, 1000 + offset, None if key is None else key.encode(), value, ())


class Folder:
    """A back-up of one partition, made by hand."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said: list[PartitionSaid] = []
        self.form = manifest.FORMAT
        self.left_out: frozenset[str] = frozenset()

    def put(self, topic: str, *given: Kept, before: int = 10**6, start: int = 0) -> Folder:
        """Write the records of a topic."""
        path = self.root / "topics" / topic / "0.avro"
        count = records.write(path, given)
        end = given[-1].offset + 1 if given else start
        self.said.append(
            PartitionSaid(
                topic=topic,
                partition=0,
                start=start,
                before=before,
                end=end,
                records=count,
                file=said_of(self.root, path),
            )
        )
        return self

    def without_tenants(self) -> Folder:
        """Have the form of earlier releases, which did not know tenants."""
        self.form, self.left_out = manifest.WITHOUT_TENANTS, TENANTS_ONLY
        return self

    def write(self) -> Manifest:
        """Write the manifest; topics that nothing was put into are empty."""
        for topic in KEPT:
            if topic not in {each.topic for each in self.said} | self.left_out:
                self.put(topic, before=0)
        made = Manifest(
            format=self.form,
            runfold="0",
            began_at=MOMENT,
            ended_at=MOMENT,
            partitions=1,
            topic_ids={},
            live_runs=0,
            ended_runs=0,
            topics=tuple(self.said),
            tables=(),
            artifacts=(),
        )
        manifest.write(self.root, made)
        return made

    def plan(self) -> Plan:
        """Return what a restore would make of it."""
        self.write()
        return restore.read(self.root, CODEC, lambda _: None)


def noted(offset: int, **positions: int) -> Kept:
    """A note that inputs are decided so far."""
    said = PositionNoted(
        positions=tuple(
            Position(topic=f"runs.{name}", partition=0, offset=at) for name, at in positions.items()
        ),
        reason="test",
    )
    return kept(offset, None, CODEC.encode(topics.EVENTS, said))
