"""How a run that its tenant admits comes in, and how it goes; facts from behaviour 7 on."""

from __future__ import annotations

from runfold.events.base import Fact, Money
from runfold.events.tenant.values import Amount, Asks
from runfold.events.traits import Tone, Traits
from runfold.events.values import RunStatus

__all__ = ["RunAdmitted", "RunQueued", "RunSettled"]


class RunQueued(Fact):
    """The run waits for admission.

    ``asks`` is what it asks its tenant for; ``position`` is its place in the tenant's queue when it
    was put there, once the tenant has answered.
    """

    traits = Traits(reads="queued: {reason}", status=(RunStatus.QUEUED,), moment="{reason}")

    reason: str
    asks: Asks | None = None
    position: int | None = None


class RunAdmitted(Fact):
    """The tenant admitted the run; what is set aside there limits what the run may use."""

    traits = Traits(reads="admitted by its tenant", tone=Tone.QUIET, status=(RunStatus.QUEUED,))

    reserved: tuple[Amount, ...] = ()


class RunSettled(Fact):
    """The run tells its tenant that it ends, and what it used; its end follows at once."""

    traits = Traits(reads="settled with its tenant: {spent:money}", tone=Tone.QUIET)

    spent: Money
    tokens: int
    tool_calls: int
