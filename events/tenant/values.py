"""The small records that a tenant's facts and messages share."""

from __future__ import annotations

from runfold.events.base import Money, Record, Timestamp


class Asks(Record):
    """What a run asks its tenant for: to be admitted, with what it may use at the most.

    A limit of None is one that the run does not have.
    """

    run_id: str
    user_id: str
    agent: str
    feature: str | None = None
    priority: int = 0
    max_cost: Money | None = None
    max_tokens: int | None = None
    max_tool_calls: int | None = None
    max_retries: int | None = None


class Amount(Record):
    """So much of a unit: ``usd``, ``tokens``, ``runs``, ``tool_calls``, ``retries`` …."""

    unit: str
    amount: Money


class ExtensionGiven(Record):
    """What a run was answered that asked for more: all of ``added``, or nothing where declined."""

    extension_id: str
    granted: bool
    added: tuple[Amount, ...]
    code: str = ""
    reason: str = ""
    retry_after_ms: int | None = None


class Held(Record):
    """What stays set aside for a call whose cost is not known yet."""

    call_id: str
    amount: Money


class Admission(Record):
    """A run that was admitted and has not ended, with what is set aside for it.

    ``answered`` is what it was answered when it asked for more, the oldest first: asked again, the
    tenant answers the same. Of what was declined the newest are kept.
    """

    asks: Asks
    reserved: tuple[Amount, ...]
    since: Timestamp
    answered: tuple[ExtensionGiven, ...] = ()


class Waiting(Record):
    """A run in the queue.

    ``number`` counts the arrivals, ``start`` and ``finish`` are its place in the fair order.
    """

    asks: Asks
    number: int
    start: int
    finish: int
    since: Timestamp
    deadline: Timestamp | None = None


class Pace(Record):
    """How fast runs of one of a scope may start: none before ``free``, by a rule named ``rule``.

    ``next`` is where the count stands: each start moves it on by the rule's interval.
    """

    of: str
    name: str
    rule: str
    next: Timestamp
    free: Timestamp


class CallRates(Record):
    """How many calls a minute one run may make; None is no limit."""

    model_calls: int | None = None
    tool_calls: int | None = None


class Share(Record):
    """How far a flow of runs (a user, an agent and a priority) has come in the fair order."""

    flow: str
    finish: int


class Settled(Record):
    """A run that has ended, of which these calls (``call_id/attempt``) may still report a cost.

    ``held`` is what stays set aside for calls among them.
    """

    asks: Asks
    since: Timestamp
    open: tuple[str, ...]
    held: tuple[Held, ...] = ()


class Book(Record):
    """What was used of a unit by one of a scope in the period that began at ``start``.

    ``warned`` says that the alert of this period is on record; ``limit`` and ``soft`` are those of
    the policy by which it was booked last.
    """

    of: str
    name: str
    unit: str
    period: str
    start: Timestamp
    used: Money
    warned: bool = False
    limit: Money | None = None
    soft: Money | None = None
