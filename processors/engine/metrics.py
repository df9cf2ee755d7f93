"""What the engine counts: a transaction at a time, never an event at a time."""

from __future__ import annotations

from runfold.infra.metrics.table import TABLE

_LANE = ["partition"]
_PROCESS = "run processor"

TRANSACTIONS = TABLE.counter(
    "runfold_lane_transactions",
    "committed transactions that held decisions",
    _LANE,
    process=_PROCESS,
)
TRANSACTION_SECONDS = TABLE.histogram(
    "runfold_lane_transaction_seconds",
    "from the beginning of such a transaction to the answer to its commit: what makes a decision "
    "and its checkpoint durable",
    _LANE,
    process=_PROCESS,
)
EVENTS = TABLE.counter(
    "runfold_lane_events", "events committed to the journal", _LANE, process=_PROCESS
)
DEAD_LETTERS = TABLE.counter(
    "runfold_lane_dead_letters", "inputs that became dead letters", _LANE, process=_PROCESS
)
TOLD = TABLE.counter(
    "runfold_lane_told_requests",
    "requests that began nothing because their sender's clock is wrong, which it said to whoever "
    "asked: no dead letters",
    _LANE,
    process=_PROCESS,
)
FENCED = TABLE.counter(
    "runfold_lane_fenced", "times that a lane found another owner", _LANE, process=_PROCESS
)
LOST = TABLE.counter(
    "runfold_lane_lost_positions",
    "times that an input did not have the offset that was next: deleted, cut, or created again",
    process=_PROCESS,
)
FAULTS = TABLE.counter(
    "runfold_lane_faults", "times that a lane began again from the log", _LANE, process=_PROCESS
)
RESTORE_SECONDS = TABLE.gauge(
    "runfold_lane_restore_seconds",
    "how long the last restore took, fencing included",
    _LANE,
    unit="seconds",
    process=_PROCESS,
)
RESTORE_RECORDS = TABLE.gauge(
    "runfold_lane_restore_records", "records that the last restore read", _LANE, process=_PROCESS
)
LIVE = TABLE.gauge(
    "runfold_lane_live_runs",
    "aggregates that have begun and not ended",
    _LANE,
    process=_PROCESS,
)
WAITING = TABLE.gauge(
    "runfold_lane_waiting_inputs", "inputs fetched and not yet decided", _LANE, process=_PROCESS
)
AHEAD = TABLE.gauge(
    "runfold_lane_clock_ahead_seconds",
    "how far the time that the lane decides by is ahead of its machine's clock, below 0 where it "
    "is behind: the clock was set, or was ahead when events on record were written",
    _LANE,
    unit="seconds",
    process=_PROCESS,
)
AHEAD_OF_BROKER = TABLE.gauge(
    "runfold_lane_clock_ahead_of_broker_seconds",
    "how far this machine's clock is ahead of the broker's at the most, by the time stamps of the "
    "requests of the last 10 minutes; below 0 it is behind by so much at the least",
    _LANE,
    unit="seconds",
    process=_PROCESS,
)
LAG = TABLE.gauge(
    "runfold_lane_lag_records",
    "records on an input topic behind the lane's position, as of the last fetch",
    ["topic", "partition"],
    process=_PROCESS,
)
BATCH = TABLE.histogram(
    "runfold_lane_batch_inputs",
    "inputs decided in one transaction",
    _LANE,
    unit="1",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
    process=_PROCESS,
)


class LaneMetrics:
    """The counters of one lane; ``kind`` tells lanes of several kinds of aggregates apart."""

    def __init__(self, partition: int, kind: str = "") -> None:
        label = f"{kind}{partition}"
        self.transactions = TRANSACTIONS(label)
        self.transaction_seconds = TRANSACTION_SECONDS(label)
        self.events = EVENTS(label)
        self.dead_letters = DEAD_LETTERS(label)
        self.told = TOLD(label)
        self.fenced = FENCED(label)
        self.faults = FAULTS(label)
        self.restore_seconds = RESTORE_SECONDS(label)
        self.live = LIVE(label)
        self.waiting = WAITING(label)
        self.ahead = AHEAD(label)
        self.ahead_of_broker = AHEAD_OF_BROKER(label)
        self.batch = BATCH(label)

    def count(self, inputs: int, events: int, dead: int) -> None:
        """Count one committed transaction of decisions."""
        self.transactions.inc()
        self.batch.observe(inputs)
        self.events.inc(events)
        if dead:
            self.dead_letters.inc(dead)
