"""``python -m benchmarks.single.deciding``: what a lane's decisions cost, without a server.

The benchmark's run goes through the lane's fold: requests decoded, decided, stamped, encoded,
adopted. Only that is timed; stubs, writing and waiting are not. Ids and times are fixed, so that
the digest of all that would be written shows whether two versions write the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from benchmarks.support.stub_processor import answered, found
from benchmarks.support.workload import AGENT, definitions
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Record
from runfold.events.calls import ModelWork, ToolWork
from runfold.events.contents.content import text
from runfold.events.records.commands import RunRequested
from runfold.infra.process.gc import collect_seldom
from runfold.processors.definitions.fixed import FixedDefinitions, definitions_of
from runfold.processors.engine.core.batch import BatchDecider
from runfold.processors.engine.core.inputs import Input, Received, Returned
from runfold.processors.engine.core.outcome import Outcome
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.state import RunState

_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_BATCH = timedelta(milliseconds=3)


@dataclass(slots=True)
class Round:
    """What one round came to: processor seconds, events, and the sha256 of all it would write."""

    seconds: float = 0.0
    events: int = 0
    sha256: hashlib._Hash = field(default_factory=hashlib.sha256)


class Lane:
    """A lane's decider and partition state, and stubs that do its local work at once."""

    def __init__(self) -> None:
        """Begin with an empty journal."""
        self._codec = Codec(LockRegistry())
        store = FixedDefinitions(definitions_of(definitions()))
        self._fold = BatchDecider(RUNS, self._codec, store, 0)

    def round(self, runs: int) -> Round:
        """Take so many runs, all at once, from their requests to their ends."""
        state: PartitionState[RunState] = PartitionState()
        total, now = Round(), _BEGAN
        inputs: list[Input] = [self._request(number) for number in range(runs)]
        while inputs:
            now += _BATCH
            began = time.process_time()
            outcome = self._fold.take(inputs, state, now)
            outcome.adopt(state, total.events if outcome.events else None, 0)
            total.seconds += time.process_time() - began
            total.events += len(outcome.events)
            self._digest(outcome, total)
            inputs = [Returned(_done(work)) for work in outcome.local]
        return total

    def _request(self, number: int) -> Received:
        millis = int(_BEGAN.timestamp() * 1000)
        run_id = str(uuid.UUID(int=millis << 80 | 0x7 << 76 | 0x2 << 62 | number))
        request = RunRequested(
            run_id=run_id,
            tenant_id="bench",
            user_id="bench",
            agent=AGENT,
            goal=text("Look five things up."),
            requested_at=_BEGAN,
        )
        value = self._codec.encode(topics.REQUESTS, request)
        return Received(topics.REQUESTS, number, run_id.encode(), value, (), millis)

    def _digest(self, outcome: Outcome[RunState], total: Round) -> None:
        for message in outcome.messages():
            headers = b"".join(name.encode() + value for name, value in message.headers)
            total.sha256.update(f"{message.topic} {message.key} ".encode() + headers)
            total.sha256.update(message.value or b"")
        for work in outcome.local:
            topic = topics.MODEL_CALLS if isinstance(work, ModelWork) else topics.TOOL_CALLS
            total.sha256.update(self._codec.encode(topic, work))


def _done(work: Record) -> Record:
    if isinstance(work, ModelWork):
        return answered(work)
    assert isinstance(work, ToolWork)
    return found(work)


def main(arguments: Sequence[str]) -> int:
    """Measure and print; 0 when it was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50, help="runs at once")
    parser.add_argument("--rounds", type=int, default=30, help="measure so many times")
    chosen = parser.parse_args(arguments)
    lane = Lane()
    warm = lane.round(chosen.runs)
    collect_seldom()
    rounds = [lane.round(chosen.runs) for _ in range(chosen.rounds)]
    seconds = statistics.median(each.seconds for each in rounds)
    print(
        f"{seconds / chosen.runs * 1e6:.0f} µs a run, {seconds / warm.events * 1e6:.1f} µs an "
        f"event, {warm.events / chosen.runs:.0f} events a run, sha256 {warm.sha256.hexdigest()}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
