"""Restoring a back-up into an empty deployment, none of whose processes runs.

The order matters:
1. everything is checked before anything is written: the form of the manifest, the files' digests,
   what they hold, that the journal is whole, how much is to be filled, that the target is empty
2. the target is marked (``mark``): no process starts on it until step 7
3. the topics are made, and filled as ``plan`` says: journal, registry, and all else
4. everything is read back and compared
5. claims and artifacts; the database and the topics are one deployment's from now on; and only then
   the work of pools, which relies on all of this
6. each lane's journal, of runs and of tenants, notes that its inputs are these topics now. A lane
   that has a journal does not open before that: its positions are of other topics.
7. the mark is taken away

The views are empty, and the projector folds them from the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.headers import headers
from runfold.events.border import moment_of
from runfold.events.records.operations import PositionNoted
from runfold.events.topics import TOPICS, Topic
from runfold.infra.deployment import binding
from runfold.infra.gateway.tables import KEYS
from runfold.infra.kafka import restoring
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.spec import AggregateSpec
from runfold.processors.run.aggregate import RUNS
from runfold.processors.tenant.aggregate import TENANTS
from runfold.producers.log.consumers import Settings
from runfold.producers.log.tail import Place
from runfold.producers.log.topics.topic_ids import topic_ids
from runfold.surfaces.backup import artifacts, deliveries, manifest, mark, records, tables, target
from runfold.surfaces.backup.cut import Cuts
from runfold.surfaces.backup.filling import need_fillable
from runfold.surfaces.backup.forms import need_form, place_of
from runfold.surfaces.backup.manifest import Manifest, PartitionSaid
from runfold.surfaces.backup.plan import SAME_OFFSETS, Plan, now
from runfold.surfaces.backup.records import Kept
from runfold.surfaces.backup.source import INPUTS, JOURNALS
from runfold.surfaces.backup.target import Filler, Target
from runfold.surfaces.backup.telling import NOBODY, Counted, Report, Told, line

MakeTopics = Callable[[tuple[Topic, ...], int], object]
"""Makes the topics that are missing, with so many partitions."""

_TIME = "message.timestamp.type"
_OLD = timedelta(days=1)
"""From this age on, inputs are kept for good: the broker would delete them by their time."""

_FILLS = "restored from a back-up: where this stands was the mark of a transaction"


def read(source: Path, codec: Codec, report: Report) -> Plan:
    """Return the plan of a back-up whose every file is as its manifest says.

    Raises BackupError for whatever is wrong with it.
    """
    said = manifest.read(source)
    need_form(said)
    for each in said.files():
        manifest.check(place_of(source, each), each)
    for part in said.topics:
        records.check(place_of(source, part.file), part.start, part.end, part.records)
    for table in said.tables:
        tables.check(place_of(source, table.file), table)
    report(f"{len(said.files()):,} files are as the manifest says")
    plan = Plan(source, said, codec)
    plan.fold()
    need_fillable(plan)
    return plan


def need_empty(kafka: Settings, database_url: str, store: Path) -> None:
    """Raise NotEmptyError where the target holds something already."""
    target.need_empty(kafka)
    tables.need_empty(database_url)
    artifacts.need_empty(store)


class Restoring:
    """Writes what a plan says."""

    def __init__(self, plan: Plan, kafka: Settings, told: Told) -> None:
        self._plan = plan
        # Each is written, and read back.
        self._counted = Counted(
            told.progress, 2 * sum(each.records for each in plan.manifest.topics)
        )
        self._kafka = kafka
        self._report = told.line
        self._target = Target(kafka)
        self._ends: dict[Place, int] = {}

    def topics(self, make: MakeTopics) -> None:
        """Make the topics and write their records."""
        said = self._plan.manifest
        # A request's time is when it was appended first: it must be kept as it is.
        make(tuple(map(_as_restored, TOPICS)), said.partitions)
        self._target.set(topics.EVENTS, restoring.SETTING, restoring.VALUE)
        self._target.set(topics.REQUESTS, _TIME, "CreateTime")
        for topic, places in groupby(said.topics, lambda each: each.topic):
            counts = [self._write(each) for each in places]
            self._report(line(topic, len(counts), sum(counts)))
        for each in said.topics:
            place = (each.topic, each.partition)
            meant = self._counted.over(self._plan.records(each))
            self._target.check(place, meant, self._ends[place])
        self._report("every record was read back and is as it should be")
        self._target.set(topics.REQUESTS, _TIME, "LogAppendTime")

    def begin(self) -> None:
        """Hand out the work, note in the journal that these are the inputs now, unmark the topics.

        From here on lanes open.
        """
        self._report(f"{self._work():,} open calls are handed to the pools")
        ids, moment = topic_ids(self._kafka, INPUTS), now()
        self._note_inputs(RUNS, self._plan.cuts, ids, moment)
        # A lane of tenants without a journal opens by itself, and needs no note.
        spoken = {number: cut for number, cut in self._plan.tenants.items() if cut.end}
        self._note_inputs(TENANTS, spoken, ids, moment)
        self._target.flush()
        self._target.unset(topics.EVENTS, restoring.SETTING)

    def _note_inputs(
        self, spec: AggregateSpec[S], cuts: Cuts, ids: Mapping[str, str], moment: datetime
    ) -> None:
        made_at = self._plan.manifest.began_at.isoformat(timespec="seconds")
        for partition, cut in cuts.items():
            progress, place = cut.progress.copy(), (spec.topics.journal, partition)
            for topic in spec.topics.inputs:
                progress.begin(topic, cut.decided(topic), ids[topic])
            noted = PositionNoted(
                positions=progress.noted(partition, spec.topics.journal),
                reason=f"restored from the back-up of {made_at}: the inputs are other topics now",
            )
            self._target.append(place, self._note(place, noted, moment))

    def _write(self, said: PartitionSaid) -> int:
        place, first = (said.topic, said.partition), self._plan.begins(said)
        end = said.end if said.topic in SAME_OFFSETS else 0
        found = list(self._plan.records(said)) if said.topic in INPUTS else None
        if found and now() - moment_of(found[0].time_ms) > _OLD:
            self._target.set(said.topic, "retention.ms", "-1")
            self._report(f"{said.topic} keeps everything until `prepare --mend` is run")
        passing = self._counted.over(found or self._plan.records(said))
        count = self._target.write(place, passing, self._filler(place), first, end)
        self._ends[place] = max(end, first + count if said.topic in INPUTS else count)
        return count

    def _work(self) -> int:
        count = 0
        for topic, partition, each in self._plan.work(now()):
            self._target.append((topic, partition), each)
            count += 1
        self._target.flush()
        return count

    def _filler(self, place: Place) -> Filler:
        """Return what stands where a record of the back-up does not."""
        millis = int(self._plan.manifest.began_at.timestamp() * 1000)
        if place[0] not in JOURNALS:
            return lambda offset: Kept(offset, millis, b"", None, ())
        note = PositionNoted(positions=(), reason=_FILLS)
        each = self._note(place, note, self._plan.manifest.began_at)
        return lambda offset: each._replace(offset=offset)

    def _note(self, place: Place, note: PositionNoted, moment: datetime) -> Kept:
        name = f"{place[0]}/{place[1]}"
        named = headers("PositionNoted", name, RUNS.source, moment, name, "")
        value = self._plan.codec.encode(place[0], note)
        return Kept(0, int(moment.timestamp() * 1000), None, value, tuple(named))


def restore(
    plan: Plan,
    kafka: Settings,
    database_url: str,
    store: Path,
    make: MakeTopics,
    told: Told = NOBODY,
) -> Manifest:
    """Write a back-up into an empty deployment; return what it says of itself.

    Raises BackupError, LogError, psycopg.Error and OSError; no process starts on it then.
    """
    need_empty(kafka, database_url, store)
    mark.put(store.parent)
    work = Restoring(plan, kafka, told)
    work.topics(make)
    said = plan.manifest
    ends = {
        (each.topic, each.partition): each.end for each in said.topics if each.topic in JOURNALS
    }
    sent = tables.load(database_url, plan.folder, said.tables, ends, said.began_at)
    artifacts.load(store, plan.folder, plan.manifest.artifacts)
    told.line("claims and artifacts are there")
    for sentence in deliveries.told(sent, said):
        told.line(sentence)
    if any(table.name == KEYS and table.rows for table in plan.manifest.tables):
        told.line(
            "API keys are as they were then: revoke again what was revoked since (`runfold keys`)"
        )
    if (bound := binding.begin(database_url, told.line)) is not None:
        binding.finish(kafka, database_url, bound, told.line, adopt=True)
    work.begin()
    mark.take_away(store.parent)
    return plan.manifest


def _as_restored(topic: Topic) -> Topic:
    """Return a topic as it is made: requests keep their own time, and the journal has the mark."""
    own = {
        topics.REQUESTS: {_TIME: "CreateTime"},
        topics.EVENTS: {restoring.SETTING: restoring.VALUE},
    }
    return replace(topic, config={**topic.config, **own.get(topic.name, {})})
