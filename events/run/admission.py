"""How a run that its tenant admits comes in, and how it goes; facts from behaviour 7 on."""

from __future__ import annotations

from runfold.events.base import Fact, Money
from runfold.events.tenant.values import Amount, Asks, CallRates, Held
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


def _admitted(fact: RunAdmitted) -> str:
    said = "admitted by its tenant"
    return f"{said}, to use {{model:model}} since a soft limit is reached" if fact.model else said


class RunAdmitted(Fact):
    """The tenant admitted the run; what is set aside there limits what the run may use.

    ``cheaper`` says that a soft limit of the tenant is reached at which its runs take a cheaper
    model; ``model`` is the one that the agent declares, None where it declares none. ``rates`` is
    how fast the run may make its calls.
    """

    traits = Traits(reads=_admitted, tone=Tone.QUIET, status=(RunStatus.QUEUED,))

    reserved: tuple[Amount, ...] = ()
    cheaper: bool = False
    model: str | None = None
    rates: CallRates | None = None


class RunSettled(Fact):
    """The run tells its tenant that it ends, and what it used; its end follows at once.

    ``calls`` are those to models and tools, ``retries`` what was made again of them. ``open`` names
    the calls (``call_id/attempt``) that are out, or were given up, and may still report a cost.
    ``held`` is what was set aside for calls to models among them, from behaviour 8 on.
    """

    traits = Traits(reads="settled with its tenant: {spent:money}", tone=Tone.QUIET)

    spent: Money
    tokens: int
    tool_calls: int
    calls: int = 0
    retries: int = 0
    open: tuple[str, ...] = ()
    held: tuple[Held, ...] = ()
