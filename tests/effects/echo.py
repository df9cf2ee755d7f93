"""A kind of call that Runfold does not have, in one module: its records, its row, its handler."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from runfold.events.calls import CallResult, CallWork, Outcome
from runfold.events.calls.kinds import CallKind
from runfold.events.values import Attribution, ErrorInfo
from runfold.infra.tracing.calls import CallSpan
from runfold.processors.effects.kinds import EffectKind
from tests.effects.given import ATTRIBUTION


class EchoWork(CallWork):
    """Something to say again."""

    run_id: str
    tenant_id: str
    call_id: str
    attempt: int
    words: str
    timeout_ms: int
    attribution: Attribution
    traceparent: str
    by_permission: bool = False


class EchoResult(CallResult):
    """What was said again."""

    contents: ClassVar[tuple[str, ...]] = ("echo",)

    run_id: str
    call_id: str
    attempt: int
    outcome: Outcome
    latency_ms: int
    echo: str | None = None
    error: ErrorInfo | None = None
    queued_ms: int | None = None


def _broken(work: EchoWork, error: ErrorInfo, latency_ms: int) -> EchoResult:
    return EchoResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.FAILED,
        latency_ms=latency_ms,
        error=error,
    )


def _held(work: EchoWork, error: ErrorInfo) -> EchoResult:
    return EchoResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.HELD,
        latency_ms=0,
        error=error,
    )


ECHO = CallKind("echo", EchoWork, EchoResult, "echo.calls", "runfold-echoes")
ECHO_CALL = EffectKind(
    ECHO,
    turn=lambda work: work.words,
    on_broken=_broken,
    on_held=_held,
    repeatable=True,
    span=CallSpan(
        name=lambda work: f"echo {len(work.words)}",
        attributes=lambda _work, result: {"echo.outcome": result.outcome.value},
        content=lambda work, result: {"echo.words": work.words, "echo.echo": result.echo or ""},
    ),
)


async def shout(work: EchoWork) -> EchoResult:
    """Say it again, louder; ``break`` breaks and ``hang`` hangs."""
    if work.words == "break":
        raise ZeroDivisionError("password is hunter2")
    if work.words == "hang":
        await asyncio.Event().wait()
    if work.words == "nothing":
        return None  # type: ignore[return-value]
    refused = ErrorInfo(error_type="denied", message="not that", retryable=False)
    return EchoResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.FAILED if work.words == "refuse" else Outcome.SUCCEEDED,
        latency_ms=0,
        echo=None if work.words == "refuse" else work.words.upper(),
        error=refused if work.words == "refuse" else None,
    )


def echo_work(words: str, call_id: str = "r.1", **more: object) -> EchoWork:
    """Ask for an echo; the call may take 10 ms."""
    given = {
        "run_id": call_id.partition(".")[0],
        "tenant_id": "acme",
        "call_id": call_id,
        "attempt": 1,
        "words": words,
        "timeout_ms": 10,
        "attribution": ATTRIBUTION,
        "traceparent": "",
        **more,
    }
    return EchoWork.model_validate(given)
