"""One attempt: a signed request, and what its answer means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from runfold.events.definitions import Subscription
from runfold.infra.http import signing
from runfold.infra.http.outgoing import Answer, NoAnswerError, Outgoing, RefusedTargetError
from runfold.processors.delivery.webhooks.keys import NoSecretError, Secrets

Verdict = Literal["delivered", "failed", "gone", "refused"]

_GONE = 410


@dataclass(frozen=True, slots=True)
class Attempted:
    """What became of an attempt; ``error`` is of our own words, never of the receiver's."""

    verdict: Verdict
    code: int | None = None
    error: str | None = None
    took_ms: int = 0
    asked_s: float | None = None


async def attempt(
    outgoing: Outgoing,
    secrets: Secrets,
    made: Subscription,
    tenant: str,
    message_id: str,
    body: bytes,
) -> Attempted:
    """Send a message to a subscription's receiver once, signed as of now."""
    try:
        keys = await secrets.signing_keys(made.secrets, tenant)
        signed = signing.headers(keys, message_id, int(datetime.now(UTC).timestamp()), body)
        headers = {"content-type": "application/json", **signed}
        return judged(await outgoing.post(made.url, body, headers, made.timeout_ms / 1000))
    except NoSecretError as error:
        return Attempted("refused", error=f"secret: {error}")
    except RefusedTargetError as error:
        return Attempted("refused", error=f"refused: {error}")
    except NoAnswerError as error:
        return Attempted("failed", error=f"{error.kind}: {error}")


def judged(answer: Answer) -> Attempted:
    """Return what an answer means: 2xx is delivered, 410 is for good, all others are retried."""
    code, took, asked = answer.status, answer.took_ms, answer.retry_after_s
    if 200 <= code < 300:
        return Attempted("delivered", code, took_ms=took)
    if code == _GONE:
        return Attempted("gone", code, "the receiver answered 410 Gone", took)
    if 300 <= code < 400:
        return Attempted("failed", code, "redirects are not followed", took)
    return Attempted("failed", code, f"the receiver answered {code}", took, asked)
