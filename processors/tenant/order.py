"""The fair order of the queue: start-time fair queueing over flows of runs.

A flow is a user's runs of one agent and one priority. Each run takes a span of its flow whose
length is the inverse of the flow's weight, from the end of the flow's last span or from where the
order is now, whichever is later; the run whose span ends first goes first. A flow that asks for
much waits behind itself, and nobody is overtaken for ever: later spans of others end ever later.
"""

from __future__ import annotations

from typing import NamedTuple

from runfold.events.contents.content import canonical_json
from runfold.events.definitions import TenantPolicy
from runfold.events.tenant import Asks
from runfold.processors.tenant.state import Tenant

SPAN = 1_000_000_000
"""The length of a span of weight 1."""


class Place(NamedTuple):
    """A run's span, and how many runs came before it."""

    number: int
    start: int
    finish: int


def flow_of(asks: Asks) -> str:
    """Return the flow that a run belongs to."""
    return canonical_json([asks.user_id, asks.agent, asks.priority])


def clamped(asks: Asks, policy: TenantPolicy | None) -> Asks:
    """Return what a run asks for with a priority that the policy allows."""
    if policy is None:
        return asks
    most = policy.max_priority
    return asks.model_copy(update={"priority": max(-most, min(most, asks.priority))})


def place_of(tenant: Tenant, asks: Asks, policy: TenantPolicy | None) -> Place:
    """Return the place of a run that comes now, whose priority is clamped."""
    start = max(tenant.clock, tenant.shares.get(flow_of(asks), 0))
    return Place(tenant.arrivals + 1, start, start + _span(asks, policy))


def _span(asks: Asks, policy: TenantPolicy | None) -> int:
    if policy is None:
        return SPAN
    priority = asks.priority
    weight = policy.user_weights.get(asks.user_id, 1) * policy.agent_weights.get(asks.agent, 1)
    span = SPAN << -priority if priority < 0 else SPAN >> priority
    return max(1, span // weight)
