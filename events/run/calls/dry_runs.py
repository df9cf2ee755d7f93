"""Dry runs: what a call would do is found out before it is decided on [95]."""

from __future__ import annotations

from runfold.events.base import Fact, Money
from runfold.events.contents.content import Content
from runfold.events.traits import (
    DRY_RUN,
    CallMove,
    CallTrait,
    Cause,
    Tone,
    Traits,
    dry_run_charge,
)
from runfold.events.values import Attribution, ErrorInfo, Placement, RunStatus

__all__ = ["DryRunFailed", "DryRunStarted", "DryRunSucceeded"]


class DryRunStarted(Fact):
    """The dry run of a proposed call was handed to a tool processor.

    ``of`` is the call that was proposed, ``tool`` what is called for it, with ``arguments``: the
    same tool with the argument that makes it a dry run, or another tool. It has no effect in the
    world, by the tool's contract, and counts as no call of the run's limits.
    """

    traits = Traits(
        reads="{call_id:number} dry run of {of:number} by {tool} ({placement}){attempt:again}",
        tone=Tone.QUIET,
        status=(RunStatus.RUNNING_TOOL,),
        call=CallTrait(DRY_RUN, CallMove.OPENS, "started"),
    )

    call_id: str
    of: str
    attempt: int
    tool: str
    tool_version: str
    arguments: Content
    placement: Placement
    timeout_ms: int


class DryRunSucceeded(Fact):
    """A dry run says what the call would do; whoever approves the call is shown it."""

    traits = Traits(
        reads="{call_id:number} dry run by {tool} → {result:result} [{latency_ms} ms]",
        cause=Cause.SENDER,
        status=(RunStatus.PLANNING,),
        call=CallTrait(DRY_RUN, CallMove.CLOSES, "succeeded"),
        charge=dry_run_charge,
    )

    call_id: str
    attempt: int
    tool: str
    result: Content
    latency_ms: int
    attribution: Attribution
    cost: Money | None = None


class DryRunFailed(Fact):
    """A dry run failed; where it is not tried again the call is denied, and its model told why.

    ``untrusted``: its error may hold what strangers wrote.
    """

    traits = Traits(
        reads="{call_id:number} dry run by {tool} failed: {error.message:long}",
        cause=Cause.SENDER,
        tone=Tone.WARNING,
        status=(RunStatus.PLANNING,),
        call=CallTrait(DRY_RUN, CallMove.FAILS, "failed"),
        charge=dry_run_charge,
        in_vain=True,
    )

    call_id: str
    attempt: int
    tool: str
    error: ErrorInfo
    latency_ms: int
    attribution: Attribution
    cost: Money | None = None
    untrusted: bool = False
