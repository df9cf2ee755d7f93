"""What tenants begin with after a restore: their journals are not in a back-up.

Runs that live and had asked ask once more, so a tenant knows who runs and who waits. What was
booked before is not known there any more. The numbers of messages go on where the journal of runs
left them, or the first messages would be taken for repeats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.headers import headers
from runfold.processors.engine.core.progress import Progress
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.lifecycle.queueing import question
from runfold.processors.run.state import Live
from runfold.producers.log.partitioner import partition_for
from runfold.surfaces.backup.cut import Cut
from runfold.surfaces.backup.records import Kept


def questions(cuts: Mapping[int, Cut], codec: Codec, now: datetime) -> Iterator[tuple[int, Kept]]:
    """Yield partition and record of what runs that live ask their tenants once more."""
    millis = int(now.timestamp() * 1000)
    for cut in cuts.values():
        for run_id, state in cut.live.items():
            if not isinstance(state, Live) or not state.entry.asked:
                continue
            asked = question(state)
            key, trace = asked.tenant_id.encode(), state.traceparent
            named = headers("AdmissionAsked", run_id, RUNS.source, now, asked.tenant_id, trace)
            value = codec.encode(topics.TENANT_REQUESTS, asked)
            yield partition_for(key, len(cuts)), Kept(0, millis, key, value, tuple(named))


def numbers(cuts: Mapping[int, Cut], partition: int) -> Progress:
    """Return what a lane of tenants must know of the messages that went before the back-up."""
    found = Progress()
    for cut in cuts.values():
        if sent := cut.sent_to(topics.TENANT_REQUESTS, partition):
            found.heard[topics.EVENTS, cut.partition] = sent
        if heard := cut.progress.heard.get((topics.TENANT_EVENTS, partition)):
            found.sent[topics.RESULTS, cut.partition] = heard
    return found
