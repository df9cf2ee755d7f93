"""What a fake model says: answers, errors and silence, one after another.

FakeModel(
    answer("I look.", call("orders.get", order_id="A-100"), cost="0.002"),
    error("overloaded", retryable=True),
    complete("It is on its way."),
)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import inf
from typing import Any

from runfold.events.calls import ModelResult, ModelWork, Outcome
from runfold.events.contents.content import content, json_content, text
from runfold.events.values import ErrorInfo, ModelAnswer, ProposedCall, Usage
from runfold.projections.rendering.readable import plain

NEVER = inf
"""Seconds of a call that is not answered: the run meets its time-out."""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a model says, after so many virtual seconds."""

    text: str = ""
    calls: tuple[ProposedCall, ...] = ()
    error: ErrorInfo | None = None
    usage: Usage | None = None
    cost: Decimal | None = None
    seconds: float = 0.0


class FakeModel:
    """Says what it was given, in order; ``asked`` holds every call that was made of it.

    Raises AssertionError where it is asked once more than it was given answers.
    """

    def __init__(self, *said: Said | str) -> None:
        self._said = [Said(each) if isinstance(each, str) else each for each in said]
        self.asked: list[ModelWork] = []

    @property
    def left(self) -> int:
        """How many answers were not asked for."""
        return max(0, len(self._said) - len(self.asked))

    def shown(self, asked: int = -1) -> str:
        """Return the newest message that the model was shown, by the number of the call."""
        message = self.asked[asked].messages[-1].content
        return "" if message is None else plain(message) or ""

    def answer(self, work: ModelWork) -> tuple[ModelResult, float]:
        """Return the next answer, and after how many virtual seconds it comes."""
        self.asked.append(work)
        if len(self.asked) > len(self._said):
            raise AssertionError(
                f"the model was asked {len(self.asked)} times and was given "
                f"{len(self._said)} answers"
            )
        said = self._said[len(self.asked) - 1]
        return _result(work, said, len(self.asked)), said.seconds


def answer(
    said: str = "",
    *calls: ProposedCall,
    tokens: tuple[int, int] = (100, 10),
    cost: str | None = None,
    seconds: float = 0.0,
) -> Said:
    """Return an answer: a text, and the tools that the model asks for.

    ``tokens`` are those of input and output, ``cost`` is in US dollars, ``seconds`` is how long
    it takes on the virtual clock.
    """
    return Said(
        said,
        calls,
        usage=Usage(input_tokens=tokens[0], output_tokens=tokens[1]),
        cost=None if cost is None else Decimal(cost),
        seconds=seconds,
    )


def call(tool: str, **arguments: Any) -> ProposedCall:
    """Return a call of a tool, as a model asks for it; its id is filled in where it is said."""
    return ProposedCall(id="", name=tool, arguments=json_content(arguments))


def broken_call(tool: str, arguments: str) -> ProposedCall:
    """Return a call whose arguments are not JSON, as models sometimes write them."""
    said = content(arguments.encode(), "application/json")
    return ProposedCall(id="", name=tool, arguments=said, problem="the arguments are not JSON")


def complete(summary: str, result: object = None, **how: Any) -> Said:
    """Return the answer that ends a run well, with a JSON ``result`` where it has one."""
    given: dict[str, object] = {"summary": summary}
    if result is not None:
        given["result"] = result
    return answer("", call("complete_task", **given), **how)


def fail(reason: str, **how: Any) -> Said:
    """Return the answer that gives up."""
    return answer("", call("fail_task", reason=reason), **how)


def error(
    error_type: str,
    message: str = "",
    *,
    retryable: bool = False,
    retry_after_ms: int | None = None,
    seconds: float = 0.0,
) -> Said:
    """Return an error of the provider."""
    info = ErrorInfo(
        error_type=error_type,
        message=message or error_type,
        retryable=retryable,
        retry_after_ms=retry_after_ms,
    )
    return Said(error=info, seconds=seconds)


def silence() -> Said:
    """Return an answer that never comes."""
    return Said(seconds=NEVER)


def _result(work: ModelWork, said: Said, number: int) -> ModelResult:
    latency = 0 if said.seconds == NEVER else int(said.seconds * 1000)
    common: dict[str, Any] = {
        "run_id": work.run_id,
        "call_id": work.call_id,
        "attempt": work.attempt,
        "model": work.model,
        "provider": "fake",
        "latency_ms": latency,
    }
    if said.error is not None:
        return ModelResult(outcome=Outcome.FAILED, error=said.error, **common)
    found = ModelAnswer(
        text=text(said.text) if said.text else None,
        tool_calls=_numbered(said.calls, number),
        finish_reason="tool_calls" if said.calls else "stop",
    )
    return ModelResult(
        outcome=Outcome.SUCCEEDED, answer=found, usage=said.usage, cost=said.cost, **common
    )


def _numbered(calls: Sequence[ProposedCall], number: int) -> tuple[ProposedCall, ...]:
    return tuple(
        each.model_copy(update={"id": each.id or f"call_{number}_{place}"})
        for place, each in enumerate(calls, 1)
    )


def later(said: Said, seconds: float) -> Said:
    """Return the same answer, after so many virtual seconds."""
    return replace(said, seconds=seconds)
