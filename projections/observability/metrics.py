"""What the projector counts of itself."""

from __future__ import annotations

from runfold.infra.metrics.table import TABLE

_BY = "projector"
_PLACE = ["topic", "partition"]

EVENTS = TABLE.counter(
    "runfold_projector_records", "records whose rows are committed", _PLACE, process=_BY
)
POSITION = TABLE.gauge(
    "runfold_projector_position",
    "the next offset to project, as committed with the rows",
    _PLACE,
    process=_BY,
)
LAG = TABLE.gauge(
    "runfold_projector_lag_records",
    "offsets from that position to the end of the log as of the last fetch; the mark of the last "
    "transaction is not counted, so 0 is caught up",
    _PLACE,
    process=_BY,
)
DELAY = TABLE.gauge(
    "runfold_projector_delay_seconds",
    "age of the newest event of a batch when its rows were committed; 0 once the end is reached",
    unit="seconds",
    process=_BY,
)
WRITE_SECONDS = TABLE.histogram(
    "runfold_projector_write_seconds",
    "from the beginning of a batch's transaction to its commit",
    process=_BY,
)
BEGUN_AGAIN = TABLE.counter(
    "runfold_projector_restarts",
    "times that the projector went back to the position in Postgres, after a server was lost",
    process=_BY,
)
FAILURES = TABLE.counter(
    "runfold_projection_failures",
    "events that a view could not take; they are in projection_failures",
    ["view"],
    process=_BY,
)
STRANGE = TABLE.counter(
    "runfold_projection_lost_positions",
    "times that a view's position was of another topic, beyond its end or before its beginning",
    ["view"],
    process=_BY,
)
SUMMARIES_WRITTEN = TABLE.counter(
    "runfold_summaries_written", "summaries of runs put on runs.summaries", process=_BY
)
SUMMARIES_LEFT_OUT = TABLE.counter(
    "runfold_summaries_left_out", "rows of runs that no summary can hold", process=_BY
)
SUMMARIES_RESTARTS = TABLE.counter(
    "runfold_summaries_restarts",
    "times that writing summaries began again, after a server was lost",
    process=_BY,
)
