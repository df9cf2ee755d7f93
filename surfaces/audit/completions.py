"""The completions that belong to a journal read up to fixed ends, while both topics grow.

An end and its completion are written in one transaction, but the two partitions show it one after
the other. What one reading has and the other has not is therefore looked for once more, on the
topic that is behind, before it counts as missing.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from runfold.events import topics
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.errors import ShutError
from runfold.events.run import Event
from runfold.producers.log.port import LogReader

SETTLE_S = 10.0
"""How long the journal and the topic of completions may differ before it is a fault."""

_PAUSE_S = 0.2


def completions(
    reader: LogReader,
    ended: Collection[str],
    run_id: str | None,
    ends: Mapping[int, int],
    among: Collection[int] | None = None,
) -> dict[str, Event]:
    """Return the completions by run, of one run or of all, as of the journal's ``ends``.

    Those of runs that ended behind ``ends`` are left out. A completion of each of the ``ended``
    runs is waited for, and an end on the journal of every other, ``SETTLE_S`` seconds at most.
    """
    until = time.monotonic() + SETTLE_S
    told: dict[str, Event] = {}
    later: dict[str, Event] = {}
    read_to: Mapping[int, int] = {}
    journal_to = ends
    while True:
        at = within(reader.ends(topics.COMPLETIONS), among)
        told |= _events(reader, topics.COMPLETIONS, run_id, read_to, at)
        read_to = at
        if not told.keys() <= {*ended, *later}:
            at = within(reader.ends(topics.EVENTS), among)
            found = _events(reader, topics.EVENTS, run_id, journal_to, at)
            later |= {key: e for key, e in found.items() if isinstance(e.fact, TERMINAL_FACTS)}
            journal_to = at
        settled = told.keys() >= set(ended) and told.keys() <= {*ended, *later}
        if settled or time.monotonic() >= until:
            break
        time.sleep(_PAUSE_S)
    # What differs from the end that the journal tells later stays, and is a fault.
    return {key: end for key, end in told.items() if key in ended or later.get(key) != end}


def within(ends: Mapping[int, int], among: Collection[int] | None) -> dict[int, int]:
    """Return the ends of those partitions, of all where none are named."""
    return {number: at for number, at in ends.items() if among is None or number in among}


def _events(
    reader: LogReader,
    topic: str,
    run_id: str | None,
    start: Mapping[int, int],
    ends: Mapping[int, int],
) -> dict[str, Event]:
    """Return the last event of each run in a range."""
    read = (
        # What is sealed for ever is compared as it stands.
        found.error.found if isinstance(found.error, ShutError) else found.record
        for found in reader.read(topic, start or "earliest", key=run_id, ends=ends)
    )
    return {event.meta.run_id: event for event in read if isinstance(event, Event)}
