"""Claims: who may run a tool with side effects under an idempotency key, and what came of it.

    (none) ──▶ started ──▶ finished    its result answers every later call with the same key
                 │  ▲ ▲
                 │  │ └── released     it ended for certain without an effect that counts, or may
                 │  │                  be repeated
                 │  └──── uncertain    somebody must find out
                 └──────▶ either of the two

What a second call with the same key is told is decided by ``judge`` alone, for every store. A
started claim is believed while its owner lives, which it shows by a lease it keeps renewing.
A dead owner leaves open what happened, so then:

- a tool that is safe to repeat is run again;
- any other is run again only where a person said of the attempt that began it that it did not
  happen; otherwise it is told that nobody knows. A *higher* attempt is no such word: its run may
  have been told of a failure, and the record of the failed attempt may have come round again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from runfold.events.contents.content import Content


class ClaimState(StrEnum):
    """Where a claim stands; the names are stored."""

    STARTED = "started"
    FINISHED = "finished"
    RELEASED = "released"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """A call that wants to run; ``arguments_digest`` is the sha256 of its canonical arguments.

    A person said of the attempts up to ``cleared`` that they did not happen.
    """

    tool: str
    tool_version: str
    idempotency_key: str
    tenant_id: str
    run_id: str
    call_id: str
    attempt: int
    arguments_digest: bytes
    safe_to_repeat: bool
    cleared: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """A stored claim; ``token`` names the one execution that holds it."""

    tenant_id: str
    attempt: int
    arguments_digest: bytes
    state: ClaimState
    token: str
    result: Content | None = None


class Verdict(StrEnum):
    """What a call is told that wants a claim."""

    RUN = "run"
    ANSWERED = "answered"
    CONFLICT = "conflict"
    BUSY = "busy"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Held:
    """The right to run once; ``token`` ends the claim later."""

    tool: str
    idempotency_key: str
    token: str


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to a claim: ``held`` comes with RUN, ``result`` with ANSWERED."""

    verdict: Verdict
    held: Held | None = None
    result: Content | None = None


def judge(claim: Claim, wanted: ClaimRequest, *, owner_lives: bool) -> Verdict:
    """Return what a call is told when there is a claim with its key already."""
    same_tenant = claim.tenant_id == wanted.tenant_id
    if not same_tenant or claim.arguments_digest != wanted.arguments_digest:
        return Verdict.CONFLICT
    if claim.state is ClaimState.FINISHED:
        return Verdict.ANSWERED
    if claim.state is ClaimState.RELEASED:
        return Verdict.RUN
    if claim.state is ClaimState.STARTED and owner_lives:
        return Verdict.BUSY
    if wanted.safe_to_repeat or claim.attempt <= wanted.cleared:
        return Verdict.RUN
    return Verdict.UNCERTAIN


def state_before(claim: Claim, wanted: ClaimRequest) -> ClaimState:
    """Return what a claim must say again if it is taken over and its call is not run after all."""
    settled = claim.state is ClaimState.RELEASED or claim.attempt <= wanted.cleared
    return ClaimState.RELEASED if settled else ClaimState.UNCERTAIN


class Claims(Protocol):
    """The store of claims; every method raises ClaimsUnavailableError if it cannot be reached."""

    async def claim(self, wanted: ClaimRequest) -> Told:
        """Take the claim, or say why not; RUN is told to one execution only."""
        ...

    async def finish(self, held: Held, result: Content) -> None:
        """Store the result, which answers every later call; too late if another took over."""
        ...

    async def release(self, held: Held) -> None:
        """Let the claim go: another attempt may run."""
        ...

    async def doubt(self, held: Held) -> None:
        """Note that nobody knows what happened."""
        ...

    def abandon(self, held: Held) -> None:
        """Note the same of an execution that was cut off, without waiting for the store."""
        ...
