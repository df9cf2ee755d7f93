"""Steps of a flow: which there are, when each begins, how it ends."""

from __future__ import annotations

from runfold.events.base import Fact, Record, Symbol
from runfold.events.traits import Tone, Traits
from runfold.events.values import RunStatus

__all__ = ["FlowStarted", "PlannedStep", "StepEnded", "StepOutcome", "StepStarted"]


class PlannedStep(Record):
    """A step as the run's graph has it."""

    step: str
    tool: str
    depends_on: tuple[str, ...] = ()


class FlowStarted(Fact):
    """The run is a flow: its steps decide what is called, and no model does."""

    traits = Traits(reads="a flow of steps", tone=Tone.QUIET, status=(RunStatus.PLANNING,))

    steps: tuple[PlannedStep, ...]


class StepStarted(Fact):
    """A step begins, with the call that it is made by."""

    traits = Traits(reads="step {step} begins ({call_id:number}){attempt:again}", tone=Tone.QUIET)

    step: str
    attempt: int
    call_id: str


class StepOutcome(Symbol):
    """How a step ended; ``retried`` says that it is begun again."""

    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RETRIED = "retried"
    SKIPPED = "skipped"


class StepEnded(Fact):
    """A step has ended; its result is that of its call."""

    traits = Traits(reads="step {step}: {outcome}")

    step: str
    outcome: StepOutcome
    call_id: str | None = None
