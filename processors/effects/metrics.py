"""What the hosts of effects count."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from runfold.events.calls.kinds import KINDS
from runfold.infra.metrics.bounded import MOST_VALUES
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
KEY_IN_FLIGHT = TABLE.gauge(
    "runfold_effects_key_in_flight",
    "calls of one tool or model that are being made in this process now",
    ["kind", "name"],
    process=_HOSTS,
)
KEY_QUEUED = TABLE.gauge(
    "runfold_effects_key_queued",
    "calls of one tool or model that wait in this process for room",
    ["kind", "name"],
    process=_HOSTS,
)
HELD = TABLE.counter(
    "runfold_effects_held",
    "calls that could not begin, by tool or model and by what they wait for",
    ["kind", "name", "code"],
    process=_HOSTS,
)
LEFT_ALONE = TABLE.gauge(
    "runfold_effects_left_alone",
    "what this process leaves alone after failures until it has answered again, by kind "
    "(tool, server, model, provider); one tool of several tenants counts for each that has its own",
    ["kind", "name"],
    process=_HOSTS,
)
QUESTIONS = TABLE.gauge(
    "runfold_pool_questions",
    "calls of a pool that could begin and whose run has not yet said whether they may",
    process="pools",
)
ANSWER = TABLE.histogram(
    "runfold_pool_answer_seconds",
    "from the question whether a call may begin to the run's answer",
    process="pools",
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


class KeyGauges:
    """Shows how many calls of each name are queued and in flight, by ``of_key`` of its groups."""

    def __init__(self, kind: str, of_key: Callable[[Hashable], tuple[int, int]]) -> None:
        self._kind = kind
        self._of_key = of_key
        self._known: dict[str, dict[Hashable, None]] = {}

    def know(self, name: str, group: Hashable) -> None:
        """Show a name from now on, unless there are too many; a group's calls count for it."""
        groups = self._known.get(name)
        if groups is None:
            if len(self._known) >= MOST_VALUES:
                return
            groups = self._known[name] = {}
            KEY_QUEUED(self._kind, name).set_function(lambda: self._sum(name, 0))
            KEY_IN_FLIGHT(self._kind, name).set_function(lambda: self._sum(name, 1))
        groups[group] = None

    def _sum(self, name: str, which: int) -> int:
        return sum(self._of_key(group)[which] for group in tuple(self._known[name]))
