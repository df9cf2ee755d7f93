"""Runs: complete, chained, ended once, and nobody else's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from runfold.events import topics
from runfold.events.errors import WireError
from runfold.events.run import GENESIS, Event
from tests.system.oracle.histories import CODEC, Histories
from tests.system.oracle.seen import Seen


def everything_can_be_read(seen: Seen, read: Histories) -> Iterator[str]:
    yield from read.unreadable


def seq_counts_without_a_gap(seen: Seen, read: Histories) -> Iterator[str]:
    for run_id, entries in read.runs.items():
        for number, entry in enumerate(entries, 1):
            if entry.event.meta.seq != number:
                yield f"{run_id}: {entry.event.meta.seq} stands where {number} should"


def the_chain_is_intact(seen: Seen, read: Histories) -> Iterator[str]:
    for run_id, entries in read.runs.items():
        digest = GENESIS
        for entry in entries:
            if entry.event.meta.prev_hash != digest:
                yield f"{run_id}/{entry.event.meta.seq} does not follow its predecessor"
            digest = entry.digest


def every_request_ends_once(seen: Seen, read: Histories) -> Iterator[str]:
    for run_id in sorted(read.asked | set(read.runs)):
        entries = read.runs.get(run_id, [])
        ends = sum(entry.is_end for entry in entries)
        if ends != 1:
            yield f"{run_id}: {ends} ends among {len(entries)} events"
        elif not entries[-1].is_end:
            yield f"{run_id}: {entries[-1].event.type} follows the end"


def every_end_is_announced_once(seen: Seen, read: Histories) -> Iterator[str]:
    announced: Counter[str] = Counter()
    for raw in seen.completions:
        try:
            record = CODEC.decode(topics.COMPLETIONS, raw.value)
        except WireError as error:
            yield f"{raw.place}: {error}"
            continue
        assert isinstance(record, Event)
        announced[record.meta.run_id] += 1
        entries = read.runs.get(record.meta.run_id, [])
        if record not in [entry.event for entry in entries if entry.is_end]:
            yield f"{record.meta.run_id}: {record.type} is announced and not in the journal"
    for run_id, entries in read.runs.items():
        if any(entry.is_end for entry in entries) and announced[run_id] != 1:
            yield f"{run_id}: announced {announced[run_id]} times"


def nobody_else_runs(seen: Seen, read: Histories) -> Iterator[str]:
    for run_id in sorted(set(read.runs) - read.asked):
        yield f"{run_id}: nobody asked for it"


def a_run_stays_on_its_partition(seen: Seen, read: Histories) -> Iterator[str]:
    homes = {raw.key: raw.place.partition for raw in seen.requests if raw.place not in seen.poison}
    for run_id, entries in read.runs.items():
        for entry in entries:
            place, key = entry.raw.place, run_id.encode()
            if entry.raw.key != key or place.partition != homes.get(key, place.partition):
                yield f"{run_id}/{entry.event.meta.seq} is at {place} under {entry.raw.key!r}"
