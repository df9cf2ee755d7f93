"""How a tool call ended, before it becomes a record."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from runfold.events.calls import Outcome, ToolResult, ToolWork
from runfold.events.contents.content import Content
from runfold.events.values import ErrorInfo, Sign
from runfold.processors.tool.errors import NotYetError, ToolRefusedError


@dataclass(frozen=True, slots=True)
class Ending:
    """An outcome with its result or error; ``effect`` says that something may have been done.

    ``cost`` in US dollars is that of an execution that took place, None where none did. ``died``
    says that the process that ran the tool ended with it. ``healthy`` says whether the tool is able
    to answer: False after a failure that may pass, None where the call tells nothing of the tool.
    ``code`` says what a call waits for that is held, ``signs`` where strangers' words that it
    brought seem to give orders.
    """

    outcome: Outcome
    result: Content | None = None
    error: ErrorInfo | None = None
    effect: bool = False
    repeated: bool = False
    cost: Decimal | None = None
    died: bool = False
    healthy: bool | None = None
    code: str = ""
    signs: tuple[Sign, ...] = ()

    def reported(self, work: ToolWork, latency_ms: int) -> ToolResult:
        """Return the record that says so of a call.

        A run that does not know of held calls is told of a failure that may be retried.
        """
        outcome, error = self.outcome, self.error
        if outcome is Outcome.HELD and not work.by_permission:
            outcome = Outcome.FAILED
        elif outcome is Outcome.HELD and error is not None:
            latency_ms, error = 0, error.model_copy(update={"error_type": self.code})
        return ToolResult(
            run_id=work.run_id,
            call_id=work.call_id,
            attempt=work.attempt,
            outcome=outcome,
            latency_ms=latency_ms,
            result=self.result,
            error=error,
            repeated=self.repeated,
            effect=self.effect,
            cost=self.cost,
            tenant_id=work.tenant_id,
            signs=self.signs,
        )


def refused(refusal: ToolRefusedError) -> Ending:
    """Return what became of a call that did nothing: it is held where it may be made later."""
    if isinstance(refusal, NotYetError):
        return Ending(Outcome.HELD, error=refusal.info, code=refusal.code)
    return failed(refusal.info)


def failed(error: ErrorInfo, *, effect: bool = False) -> Ending:
    """Return a failure: nothing was done that counts, or it may be done again."""
    return Ending(Outcome.FAILED, error=error, effect=effect)


def uncertain(error: ErrorInfo) -> Ending:
    """Return that nobody knows whether the side effect took place."""
    return Ending(Outcome.UNCERTAIN, error=error, effect=True)
