"""More for a run that goes on: asked for, awaited, granted or refused; facts of behaviour 7."""

from __future__ import annotations

from runfold.events.base import Fact, Said, Timestamp
from runfold.events.people.origin import Origin
from runfold.events.people.proved import Proved
from runfold.events.tenant.values import Amount
from runfold.events.traits import Cause, Tone, Traits
from runfold.events.values import RunStatus

__all__ = [
    "CallsPaced",
    "ExtensionAwaited",
    "ExtensionRefused",
    "ExtensionRequested",
    "RunExtended",
]


def _more(added: tuple[Amount, ...]) -> str:
    return ", ".join(f"{each.amount.normalize():f} {each.unit}" for each in added)


def _requested(fact: ExtensionRequested) -> str:
    who = "a person asks" if fact.request_id else "the run asks"
    whom = " its tenant" if fact.asks_tenant else ""
    return f"{who}{whom} for {_more(fact.added)} more{{reason:because}}"


class ExtensionRequested(Fact):
    """More is asked for, by a person or by the run itself, which has met ``limit``.

    ``asks_tenant`` says that the run's tenant has to set it aside; where no tenant was asked to
    admit the run, a person's request is granted at once. ``used`` and ``allowed`` are those of
    ``LimitReached``.
    """

    traits = Traits(reads=_requested, cause=Cause.SENDER, moment="asked for more")

    extension_id: str
    added: tuple[Amount, ...]
    reason: Said
    asks_tenant: bool
    request_id: str | None = None
    limit: str | None = None
    used: str | None = None
    allowed: str | None = None
    proof: Proved | None = None
    origin: Origin | None = None


class ExtensionAwaited(Fact):
    """The run has met a limit and waits for a person: to extend it, or to let it end.

    ``suggested`` is what its agent would ask for.
    """

    traits = Traits(
        reads="{limit} reached: {used} of {allowed}; the run waits for a person to extend it",
        tone=Tone.ASK,
        status=(RunStatus.WAITING_FOR_HUMAN,),
        moment="{limit}",
    )

    question_id: str
    limit: str
    used: str
    allowed: str
    suggested: tuple[Amount, ...] = ()


class RunExtended(Fact):
    """The limits of the run are higher by ``added``; ``question_id`` is what waited for that."""

    traits = Traits(
        reads=lambda fact: f"may use {_more(fact.added)} more",
        cause=Cause.SENDER,
        status=(RunStatus.PLANNING,),
        moment="extended",
    )

    extension_id: str
    added: tuple[Amount, ...]
    question_id: str | None = None


class ExtensionRefused(Fact):
    """The run does not get more: its tenant has no room, or a person says no (``denied``).

    ``question_id`` is what the person answers so; after a tenant's refusal it stays open.
    ``retry_after_ms`` is when asking again may help, as far as the tenant knows.
    """

    traits = Traits(
        reads="gets no more: {reason}",
        cause=Cause.SENDER,
        tone=Tone.WARNING,
        moment="{code}",
    )

    extension_id: str
    code: str
    reason: Said
    request_id: str | None = None
    question_id: str | None = None
    added: tuple[Amount, ...] = ()
    retry_after_ms: int | None = None
    proof: Proved | None = None
    origin: Origin | None = None


class CallsPaced(Fact):
    """A run's calls of a kind wait until ``due``: its tenant allows so many a minute."""

    traits = Traits(
        reads="its calls of the kind {kind} wait {delay_ms} ms: {per_minute} a minute may be",
        tone=Tone.QUIET,
        moment="{kind}, next in {delay_ms} ms",
    )

    kind: str
    per_minute: int
    due: Timestamp
    delay_ms: int
