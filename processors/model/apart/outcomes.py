"""What came of a provider call, as the record that travels, and back."""

from __future__ import annotations

import time

from runfold.events.border import cleaned
from runfold.events.calls import ModelResult, ModelWork, Outcome
from runfold.events.values import ProviderAttempt
from runfold.processors.model.providers.faults import ProviderFaultError
from runfold.processors.model.providers.wire import WireAnswer


def result_of(
    work: ModelWork, came: WireAnswer | ProviderFaultError, started: float
) -> ModelResult:
    """Return a clean record of an answer or a fault; ``started`` is on the monotonic clock."""
    taken_ms = int((time.monotonic() - started) * 1000)
    fault = came if isinstance(came, ProviderFaultError) else None
    found = came if isinstance(came, WireAnswer) else None
    first = found.first_token_at if found else None
    return cleaned(
        ModelResult(
            run_id=work.run_id,
            call_id=work.call_id,
            attempt=work.attempt,
            outcome=Outcome.FAILED if fault else Outcome.SUCCEEDED,
            model=work.model,
            provider=work.model.partition(":")[0],
            latency_ms=taken_ms,
            answer=found.answer if found else None,
            usage=found.usage if found else None,
            error=fault.info() if fault else None,
            attempts=(
                ProviderAttempt(
                    model=work.model, latency_ms=taken_ms, message=found.note if found else None
                ),
            ),
            time_to_first_token_ms=None if first is None else int((first - started) * 1000),
            response_id=found.response_id if found else None,
        )
    )


def answer_of(result: ModelResult, started: float) -> WireAnswer:
    """Return the answer that a record holds; raises its ProviderFaultError where it holds none."""
    if result.answer is None:
        error = result.error
        if error is None:
            raise ProviderFaultError("malformed_response", "the result holds no answer")
        raise ProviderFaultError(
            error.error_type, error.message, retry_after_ms=error.retry_after_ms
        )
    first = result.time_to_first_token_ms
    return WireAnswer(
        answer=result.answer,
        usage=result.usage,
        response_id=result.response_id,
        first_token_at=None if first is None else started + first / 1000,
        note=result.attempts[0].message if result.attempts else None,
    )
