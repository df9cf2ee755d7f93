"""Decisions whose command could not be decided: what they answered, as far as it is on record."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.calls import ModelResult, Outcome
from runfold.events.run import Event
from runfold.events.values import ErrorInfo
from runfold.events.wording import parameters_of
from runfold.processors.engine.aggregate import Command, Timer
from runfold.processors.run.replay.commands import command_of, first_of
from runfold.processors.run.state import RunState

CODE = "undecidable"


def undecided_by(decision: Sequence[Event]) -> str | None:
    """Return the kind of the error for which a command could not be decided, None where it was."""
    said = _words(first_of(decision))
    found = None if said is None else parameters_of(said, CODE)
    error = None if found is None else found.get("error")
    return error if isinstance(error, str) else None


def _words(fact: Fact) -> str | None:
    match fact:
        case j.RunRefused(code="undecidable", reason=reason) | j.RequestIgnored(reason=reason):
            return reason
        case (
            j.ModelFailed(error=error)
            | j.ToolCallFailed(error=error)
            | j.DryRunFailed(error=error)
            | j.JudgeFailed(error=error)
            | j.RunFailed(error=error)
        ):
            return error.message if error.error_type == CODE else None
        case j.ToolCallUncertain(reason=reason):
            return reason
        case j.CallHeld(code="undecidable", reason=reason):
            return reason
        case _:
            return None


def concluded_of(state: RunState | None, decision: Sequence[Event]) -> Command:
    """Return the command that a conclusion answered."""
    first, fact = decision[0], first_of(decision)
    if isinstance(fact, j.ModelFailed):
        return Command(_model_result(decision, fact, first.meta.run_id))
    if isinstance(fact, j.RunFailed):
        # The last resort asks nothing of its command.
        return Command(Timer(first.meta.time, CODE, first.meta.run_id))
    return command_of(state, decision)


def _model_result(decision: Sequence[Event], failed: j.ModelFailed, run_id: str) -> ModelResult:
    """Return the answer that was paid for, without what it said."""
    found = [e.fact for e in decision if isinstance(e.fact, j.LateResultNoted)]
    late = found[0] if found else None
    answer = late.answer if late else None
    return ModelResult(
        run_id=run_id,
        call_id=failed.call_id,
        attempt=failed.attempt,
        outcome=Outcome.SUCCEEDED if late else Outcome.FAILED,
        model=failed.model,
        provider=answer.provider if answer else "",
        latency_ms=failed.latency_ms,
        usage=answer.usage if answer else None,
        cost=late.cost if late else None,
        price=answer.price if answer else None,
        error=None if late else ErrorInfo(error_type=CODE, message="", retryable=False),
        attempts=failed.attempts,
    )
