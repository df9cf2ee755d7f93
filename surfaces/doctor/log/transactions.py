"""Transactions that never ended: readers of committed records cannot read past them.

Kafka's clients for Python cannot list transactions; what can be seen is that the last stable
offset stays behind the end, and how old the record is that it stays at.
"""

from __future__ import annotations

from collections.abc import Iterator

from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, ok, span, wrong
from runfold.surfaces.doctor.places import places_of


def check(deployment: Deployment) -> Iterator[Finding]:
    """Find transactions open for longer than any of ours may be."""
    places = places_of(deployment)
    ends = deployment.log.ends(places, committed=False)
    stable = deployment.log.ends(places, committed=True)
    open_at = {place: stable[place] for place in places if stable[place] < ends[place]}
    found = deployment.log.first_from(open_at, committed=False)
    hanging = False
    for (topic, partition), record in sorted(found.items()):
        age = deployment.age(record.time)
        if age > deployment.limits.transaction_open_s:
            hanging = True
            yield wrong(
                "transactions",
                f"a transaction on {topic}/{partition} is open since offset {record.offset}, "
                f"{span(age)} ago; nobody reads past it",
                f"start a run processor that owns partition {partition} (its first act settles "
                "what a dead one left open); if it stays, the brokers have lost its end, as Kafka "
                "4.3.0 and 4.3.1 do: docs/runbooks/lost-broker.md",
            )
    if not hanging:
        yield ok("transactions", "none hangs")
