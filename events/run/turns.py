"""What an agent's turns record beside their calls: the context, the plan, a critic's outcome."""

from __future__ import annotations

from runfold.events.base import Fact, Said, SaidBytes
from runfold.events.contents.context_refs import ContextRef, DroppedContext
from runfold.events.traits import Cause, Tone, Traits
from runfold.events.values import Plan, RunStatus

__all__ = [
    "ContextHydrated",
    "ContextRef",
    "DroppedContext",
    "PlanProposed",
    "PlanRevised",
    "PlanStepAdvanced",
    "ReflectionRecorded",
]


class ContextHydrated(Fact):
    """What the model will see next.

    ``refs`` lists what was added since the previous ContextHydrated of the run, so that a long
    run's journal grows with its steps; ``digest`` covers the whole context.
    """

    traits = Traits(
        reads="context of {messages} messages, ~{token_estimate:,} tokens",
        tone=Tone.QUIET,
        status=(RunStatus.PLANNING,),
        moment="{messages} messages, {token_estimate} tokens",
    )

    refs: tuple[ContextRef, ...]
    digest: SaidBytes
    messages: int
    token_estimate: int
    dropped: tuple[DroppedContext, ...] = ()
    redactions: int = 0


def _steps(fact: PlanProposed | PlanRevised) -> str:
    return f"{len(fact.plan.steps)} steps"


class PlanProposed(Fact):
    """The model proposed an explicit plan [49]."""

    traits = Traits(
        reads="the plan: {plan:steps}",
        cause=Cause.MODEL,
        status=(RunStatus.PLANNING,),
        moment=_steps,
    )

    plan: Plan
    call_id: str | None = None
    provider_call_id: str | None = None


class PlanRevised(Fact):
    """The plan was changed, by the model or by a person [50]."""

    traits = Traits(reads="the plan: {plan:steps}", moment=_steps)

    plan: Plan
    reason: Said
    call_id: str | None = None
    provider_call_id: str | None = None
    request_id: str | None = None


class PlanStepAdvanced(Fact):
    """One step of the plan changed its status."""

    traits = Traits(
        reads="step {step_id} of the plan is {status}", moment="{status}", reserved=True
    )

    step_id: str
    status: Said


class ReflectionRecorded(Fact):
    """A critic's structured outcome [54]."""

    traits = Traits(
        reads="{issues:issues} {next_action}",
        tone=Tone.WARNING,
        moment=lambda fact: "passed" if fact.passed else "{next_action}",
    )

    passed: bool
    issues: tuple[Said, ...]
    next_action: Said
    model_call_id: str | None = None
