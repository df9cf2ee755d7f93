"""What runs and tenants tell each other again where the journal of one has lost something.

A last resort, with the lanes of both stopped. Numbers go on behind those that the other side took,
or the next messages would be taken for repeats. Where a tenant has lost what it knew, runs that
live ask it again, and it gets back those that it still counts and that have ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from runfold.events import topics
from runfold.events.tenant import AdmissionAsked, ExtensionAsked, RunReturned
from runfold.processors.engine.core.outbox import Place
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.progress import Progress
from runfold.processors.run.lifecycle.extending import more_asked
from runfold.processors.run.lifecycle.queueing import question
from runfold.processors.run.state import Live, RunState
from runfold.processors.tenant.state import Tenant

RunLanes = Mapping[int, PartitionState[RunState]]
TenantLanes = Mapping[int, PartitionState[Tenant]]


def numbers_of_runs(
    partition: int, progress: Progress, tenants: TenantLanes, runs: RunLanes
) -> None:
    """Have the numbers of messages go on behind those that tenants and other runs took.

    What other runs had sent is taken for decided: a run whose child is lost waits for its time.
    """
    for number, other in runs.items():
        taken = other.progress.heard.get((topics.EVENTS, partition), 0)
        _raise(progress.sent, (topics.RESULTS, number), taken)
        sent = other.progress.sent.get((topics.RESULTS, partition), 0)
        _raise(progress.heard, (topics.EVENTS, number), sent)
    for number, lane in tenants.items():
        heard = lane.progress.heard.get((topics.EVENTS, partition), 0)
        _raise(progress.sent, (topics.TENANT_REQUESTS, number), heard)


def numbers_of_tenants(partition: int, progress: Progress, runs: RunLanes) -> None:
    """Have the numbers go on behind what runs took, and take all that they sent for decided.

    What they had sent is told again by ``asked_again`` and ``returned_again``.
    """
    for number, lane in runs.items():
        heard = lane.progress.heard.get((topics.TENANT_EVENTS, partition), 0)
        _raise(progress.sent, (topics.RESULTS, number), heard)
        sent = lane.progress.sent.get((topics.TENANT_REQUESTS, partition), 0)
        _raise(progress.heard, (topics.EVENTS, number), sent)


def asked_again(runs: RunLanes) -> Iterator[AdmissionAsked | ExtensionAsked]:
    """Yield what runs that live, and had asked, ask their tenants: to be admitted, then for more.

    A run takes the first answer to what it has asked more for, so it may be asked twice.
    """
    for lane in runs.values():
        for tracked in lane.live.values():
            state = tracked.state
            if isinstance(state, Live) and state.entry.asked:
                yield question(state)
                yield from more_asked(state)


def returned_again(
    tenants: PartitionState[Tenant], runs: RunLanes, settled: Mapping[str, RunReturned]
) -> Iterator[RunReturned]:
    """Yield the runs that tenants count though they have ended.

    ``settled`` is what ended runs told; of the others nobody knows what they used.
    """
    live = {key for lane in runs.values() for key in lane.live}
    for tenant_id, tracked in tenants.live.items():
        tenant = tracked.state
        counted = [*tenant.running, *(each.asks.run_id for each in tenant.waiting)]
        for run_id in counted:
            if run_id not in live:
                nothing = RunReturned(
                    tenant_id=tenant_id, run_id=run_id, spent=Decimal(0), tokens=0, tool_calls=0
                )
                yield settled.get(run_id, nothing)


def _raise(numbers: dict[Place, int], place: Place, number: int) -> None:
    if number > numbers.get(place, 0):
        numbers[place] = number
