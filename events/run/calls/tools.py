"""A tool call as it is proposed, begins and ends; what lets it begin is in ``permitting.py``."""

from __future__ import annotations

from runfold.events.base import Fact, Money, Said
from runfold.events.calls.kinds import TOOL
from runfold.events.contents.content import Content
from runfold.events.people.origin import Origin
from runfold.events.people.proved import Proved
from runfold.events.run.checkpoints import ResumePolicy
from runfold.events.traits import (
    CallMove,
    CallTrait,
    Cause,
    Tone,
    Traits,
    tool_charge,
)
from runfold.events.values import Attribution, ErrorInfo, Placement, RunStatus, Sign

__all__ = [
    "ToolCallFailed",
    "ToolCallProposed",
    "ToolCallStarted",
    "ToolCallSucceeded",
    "ToolCallUncertain",
]


class ToolCallProposed(Fact):
    """The model asked for a tool; a proposal, not yet a call [79, 80]."""

    traits = Traits(
        reads="{call_id:number} {tool}({arguments:arguments}), risk level {risk_level}",
        cause=Cause.MODEL,
        call=CallTrait(TOOL.name, CallMove.PROPOSES, "proposed"),
    )

    call_id: str
    model_call_id: str
    provider_call_id: str
    tool: str
    tool_version: str
    arguments: Content
    reason: Said
    risk_level: int
    idempotency_key: str


class ToolCallStarted(Fact):
    """A call was handed to a tool processor: from here on it may have happened.

    It is a safe point as well: what the run was about to do. ``step_number`` is that of the
    checkpoint that will close the call, ``resume_policy`` says whether it may simply be made again;
    both are absent before behaviour 5.
    """

    traits = Traits(
        reads="{call_id:number} {tool} is running ({placement}){attempt:again}",
        tone=Tone.QUIET,
        status=(RunStatus.RUNNING_TOOL,),
        call=CallTrait(TOOL.name, CallMove.OPENS, "started"),
    )

    call_id: str
    attempt: int
    tool: str
    placement: Placement
    idempotency_key: str
    timeout_ms: int
    step_number: int | None = None
    resume_policy: ResumePolicy | None = None


def _succeeded(fact: ToolCallSucceeded) -> str:
    again = " (answered from its earlier execution)" if fact.repeated else ""
    return "{call_id:number} {tool} → {result:result} [{latency_ms} ms]" + again


class ToolCallSucceeded(Fact):
    """A tool answered; ``repeated`` says the answer came from an earlier execution's claim.

    ``untrusted``: the result holds what strangers wrote, and from here on the run has read it;
    ``signs``: in how many passages of it orders seem to be given. Nothing is decided by them.
    """

    traits = Traits(
        reads=_succeeded,
        cause=Cause.SENDER,
        status=(RunStatus.CHECKPOINTING,),
        call=CallTrait(TOOL.name, CallMove.CLOSES, "succeeded"),
        charge=tool_charge,
    )

    call_id: str
    attempt: int
    tool: str
    result: Content
    latency_ms: int
    attribution: Attribution
    repeated: bool = False
    cost: Money | None = None
    request_id: str | None = None
    untrusted: bool = False
    proof: Proved | None = None
    origin: Origin | None = None
    signs: tuple[Sign, ...] = ()


class ToolCallFailed(Fact):
    """A tool failed, and certainly without an effect that counts, or its tool is idempotent.

    ``untrusted``: its error may hold what strangers wrote, ``signs`` as in ToolCallSucceeded.
    """

    traits = Traits(
        reads="{call_id:number} {tool} failed: {error.message:long}",
        cause=Cause.SENDER,
        tone=Tone.WARNING,
        status=(RunStatus.CHECKPOINTING,),
        call=CallTrait(TOOL.name, CallMove.FAILS, "failed"),
        charge=tool_charge,
        in_vain=True,
    )

    call_id: str
    attempt: int
    tool: str
    error: ErrorInfo
    latency_ms: int
    attribution: Attribution
    cost: Money | None = None
    request_id: str | None = None
    untrusted: bool = False
    signs: tuple[Sign, ...] = ()


class ToolCallUncertain(Fact):
    """A side effect may or may not have happened; the run stops until somebody knows."""

    traits = Traits(
        reads="{call_id:number} {tool} may or may not have happened: {reason}",
        cause=Cause.SENDER,
        tone=Tone.WARNING,
        status=(RunStatus.WAITING_FOR_HUMAN,),
        call=CallTrait(TOOL.name, CallMove.DOUBTS, "uncertain"),
        charge=tool_charge,
        moment="{tool}",
    )

    call_id: str
    attempt: int
    tool: str
    reason: Said
    latency_ms: int = 0
    cost: Money | None = None
    attribution: Attribution | None = None
