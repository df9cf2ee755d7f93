"""Views: equal to the journal, at its end."""

from __future__ import annotations

from collections.abc import Iterator

from tests.system.oracle.histories import Histories
from tests.system.oracle.seen import Seen


def rows_equal_the_journal(seen: Seen, read: Histories) -> Iterator[str]:
    if seen.tables is None:
        return
    for run_id in sorted(set(read.runs) | set(seen.tables.runs)):
        row, entries = seen.tables.runs.get(run_id), read.runs.get(run_id)
        if row is None or entries is None:
            yield f"{run_id}: only in the {'journal' if row is None else 'table'}"
            continue
        meta = entries[-1].event.meta
        if (row.status, row.seq) != (meta.status.value, meta.seq):
            yield f"{run_id}: shown as {row.status} at {row.seq}, is {meta.status} at {meta.seq}"
        if row.hashes != tuple(entry.digest.hex() for entry in entries):
            yield f"{run_id}: the timeline has {len(row.hashes)} rows for {len(entries)} events"


def positions_are_at_the_end(seen: Seen, read: Histories) -> Iterator[str]:
    if seen.tables is None or seen.ends is None:
        return
    for partition, end in seen.ends.items():
        position = seen.tables.positions.get(partition, 0)
        if position < end:
            yield f"partition {partition}: the views are at {position}, the journal ends at {end}"


def the_audit_found_nothing(seen: Seen, read: Histories) -> Iterator[str]:
    if seen.tables is None:
        return
    for run_id, row in seen.tables.runs.items():
        if not row.chain_ok:
            yield f"{run_id}: its chain is said to be broken"
    if seen.tables.failures:
        yield f"{seen.tables.failures} events are missing from views"
    if seen.tables.unpermitted:
        yield f"{seen.tables.unpermitted} starts are said to be without a permit"
