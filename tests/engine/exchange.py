"""What must be true of jobs and ledgers that talk to each other, whatever happened to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tests.engine.toys.job_records import FundsKnown, JobRequested
from tests.engine.toys.ledger import Ledger, evolve
from tests.engine.toys.ledger_records import Denied, Granted, PeriodOpened
from tests.system.oracle.journals import Journal


def faults(
    journal: Journal, ledger: Journal, asked: Sequence[JobRequested], paid: Mapping[str, int]
) -> list[str]:
    """What contradicts that every job asked once, was answered once and was booked once.

    ``paid`` is what was paid in, for the tenants that are looked at.
    """
    found = [*journal.faults(job.job_id for job in asked), *ledger.faults()]
    booked: Counter[tuple[str, bool]] = Counter()
    for tenant in ledger.by_key:
        state: Ledger | None = None
        granted = 0
        for event in ledger.events(tenant):
            before, state = state, evolve(state, event.fact, event.meta.time)
            if isinstance(event.fact, PeriodOpened) and before and before.balance != state.balance:
                found.append(
                    f"{tenant}: a period begins with {state.balance}, not {before.balance}"
                )
            if isinstance(event.fact, Granted | Denied):
                booked[event.fact.job_id, isinstance(event.fact, Granted)] += 1
            if isinstance(event.fact, Granted):
                granted += event.fact.amount
        assert state is not None
        if tenant in paid and state.balance != paid[tenant] - granted:
            found.append(f"{tenant}: {state.balance} is left of {paid[tenant]}")
    ours = {job.job_id: job for job in asked if job.price}
    booked = Counter({key: count for key, count in booked.items() if key[0] in ours})
    known = Counter(
        (job, event.fact.granted)
        for job in ours
        for event in journal.events(job)
        if isinstance(event.fact, FundsKnown)
    )
    if booked != known:
        found.append(f"the ledgers booked {booked}, the jobs know {known}")
    if {job for job, _ in known} != set(ours):
        found.append("not every job was answered")
    if set(known.values()) > {1}:
        found.append("a job was answered twice")
    return found
