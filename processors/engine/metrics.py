"""What the engine counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

TRANSACTIONS = Counter("runfold_lane_transactions", "Committed transactions", ["partition"])
EVENTS = Counter("runfold_lane_events", "Events written to the journal", ["partition"])
DEAD_LETTERS = Counter(
    "runfold_lane_dead_letters", "Inputs that became dead letters", ["partition"]
)
FENCED = Counter("runfold_lane_fenced", "Times that a lane found another owner", ["partition"])
FAULTS = Counter("runfold_lane_faults", "Times that a lane began again from the log", ["partition"])
RESTORE_SECONDS = Gauge(
    "runfold_lane_restore_seconds", "How long the last restore took", ["partition"]
)
LIVE_RUNS = Gauge("runfold_lane_live_runs", "Runs that have begun and not ended", ["partition"])
WAITING = Gauge("runfold_lane_waiting_inputs", "Inputs fetched and not yet decided", ["partition"])
BATCH = Histogram(
    "runfold_lane_batch_inputs",
    "Inputs decided in one transaction",
    ["partition"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)


class LaneMetrics:
    """The counters of one lane."""

    def __init__(self, partition: int) -> None:
        label = str(partition)
        self.transactions = TRANSACTIONS.labels(label)
        self.events = EVENTS.labels(label)
        self.dead_letters = DEAD_LETTERS.labels(label)
        self.fenced = FENCED.labels(label)
        self.faults = FAULTS.labels(label)
        self.restore_seconds = RESTORE_SECONDS.labels(label)
        self.live_runs = LIVE_RUNS.labels(label)
        self.waiting = WAITING.labels(label)
        self.batch = BATCH.labels(label)
