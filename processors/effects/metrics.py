"""What the hosts of effects count."""

from __future__ import annotations

from runfold.events.calls.kinds import KINDS
from runfold.infra.metrics.table import TABLE

_KINDS = ", ".join(kind.name for kind in KINDS)
_HOSTS = "run processor, pools"

IN_FLIGHT = TABLE.gauge(
    "runfold_effects_in_flight",
    f"calls that are being made in this process now, by kind ({_KINDS})",
    ["kind"],
    process=_HOSTS,
)
QUEUED = TABLE.gauge(
    "runfold_effects_queued",
    "calls that wait in this process for room under its limits or a tool's own cap",
    ["kind"],
    process=_HOSTS,
)
LONGEST_LEFT = TABLE.gauge(
    "runfold_effects_longest_left_seconds",
    "seconds until the last of the calls that are being made must have ended, by its time-out",
    ["kind"],
    process=_HOSTS,
)
WAIT = TABLE.histogram(
    "runfold_effect_wait_seconds",
    "from the moment a call reached its process to its beginning",
    ["kind"],
    process=_HOSTS,
)
POOL_OPEN = TABLE.gauge(
    "runfold_pool_open_calls",
    "calls read from a work topic whose result is not acknowledged by the log",
    ["topic"],
    process="pools",
)
POOL_RESULTS = TABLE.counter(
    "runfold_pool_results",
    "results that a pool reported, repeats after a rebalance or a crash included",
    ["topic", "outcome"],
    process="pools",
)
LOST = TABLE.counter(
    "runfold_pool_lost_positions",
    "times that the group's position was of another topic, beyond its end or before its beginning",
    ["topic"],
    process="pools",
)
