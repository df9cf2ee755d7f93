"""What is counted of tenants, without naming any: how many runs they have running and waiting."""

from __future__ import annotations

from collections.abc import Iterable

from runfold.infra.metrics.table import TABLE
from runfold.processors.tenant.state import Tenant

_PROCESS = "run processor"

RUNNING = TABLE.gauge(
    "runfold_tenants_running_runs",
    "runs that tenants with a policy have admitted and not got back",
    ["partition"],
    process=_PROCESS,
)
WAITING = TABLE.gauge(
    "runfold_tenants_waiting_runs",
    "runs in the queues of tenants: the length of all queues together",
    ["partition"],
    process=_PROCESS,
)


def measure(partition: int, tenants: Iterable[Tenant]) -> None:
    """Set the gauges of a partition."""
    running = waiting = 0
    for tenant in tenants:
        running += len(tenant.running)
        waiting += len(tenant.waiting)
    RUNNING(str(partition)).set(running)
    WAITING(str(partition)).set(waiting)
