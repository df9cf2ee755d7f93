"""Who writes and reads each topic, and what its keys are: for the page and for AsyncAPI."""

from __future__ import annotations

from dataclasses import dataclass

from runfold.events import topics
from runfold.events.calls.kinds import POOLED


@dataclass(frozen=True, slots=True)
class Traffic:
    """The key of a topic's records, and who writes and reads them."""

    key: str
    writers: str
    readers: str


_RUN = "run processor"
_TENANTS = f"{_RUN}: its lanes of tenants"
_CLIENTS = "clients, `runfold`"
*_FIRST, _LAST = (kind.name for kind in POOLED)
_POOLS = f"{', '.join(_FIRST)} and {_LAST} pools"

TRAFFIC: dict[str, Traffic] = {
    topics.REQUESTS: Traffic("`run_id`", _CLIENTS, _RUN),
    topics.CONTROLS: Traffic("`run_id`", _CLIENTS, _RUN),
    topics.RESULTS: Traffic("`run_id`", f"{_POOLS}, {_TENANTS}", _RUN),
    topics.EVENTS: Traffic(
        "`run_id`; none for `PositionNoted`", _RUN, f"{_RUN}, projector, clients, `runfold`"
    ),
    topics.COMPLETIONS: Traffic("`run_id`", _RUN, f"{_RUN} (at restore), clients, `runfold`"),
    **{kind.topic: Traffic("`run_id`", _RUN, f"{kind.name} pool") for kind in POOLED},
    topics.PERMITS: Traffic("`run_id`", _RUN, _POOLS),
    topics.RESTORE: Traffic("the partition's number", _RUN, f"{_RUN} (at restore)"),
    topics.PARKED: Traffic("`run_id/first_seq`", _RUN, f"{_RUN} (at restore)"),
    topics.TENANT_REQUESTS: Traffic("`tenant_id`", _RUN, _TENANTS),
    topics.TENANT_EVENTS: Traffic(
        "`tenant_id`; none for `PositionNoted`", _TENANTS, f"{_TENANTS}, `runfold tenant`"
    ),
    topics.TENANT_RESTORE: Traffic("the partition's number", _TENANTS, f"{_TENANTS} (at restore)"),
    topics.TENANT_PARKED: Traffic("`tenant_id/first_seq`", _TENANTS, f"{_TENANTS} (at restore)"),
    topics.DEAD_LETTERS: Traffic(
        "`topic/partition/offset` of the input; that of the record in a pool's",
        f"{_RUN}, {_POOLS}",
        "projector, `runfold deadletters`",
    ),
    topics.REGISTRY: Traffic(
        "`kind/name@version`, with `#tenant` for one tenant's; decisions have keys of their own",
        "`runfold apply`, `runfold definitions`",
        f"{_RUN}, {_POOLS}, projector, `runfold`",
    ),
    topics.FEEDBACK: Traffic("`run_id`", "gateway", "gateway"),
    topics.MODEL_DELTAS: Traffic("`run_id`", f"{_RUN}, model pool", "gateway"),
    topics.SUMMARIES: Traffic("`run_id`", "projector", "stream-table tools, clients"),
    topics.ALERTS: Traffic("`rule/subject`", "monitor", "monitor (at start), clients"),
}
