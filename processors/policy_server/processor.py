"""Asks a policy server over HTTP: ``POST <address>/v1/data/<path>`` with the input of a call.

Nothing that it does or fails to do permits a call: away, slow, redirecting, too large, not JSON,
of another type, each is an answer that is missing.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from runfold.events.calls import Outcome, PolicyQuestion, PolicyResult, PolicyWork, ServerAnswer
from runfold.events.values import ErrorInfo
from runfold.infra.http.body import IDENTITY, BodyRefusedError, pieces
from runfold.infra.http.trust import trust
from runfold.infra.settings.declared import opa
from runfold.infra.settings.errors import ConfigError
from runfold.processors.policy_server.kind import unanswered
from runfold.processors.policy_server.reading import MOST_BYTES, NoAnswerError, answer_of

NOT_SET = "no_policy_server"
UNAVAILABLE = "policy_server"

_CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server is; ``token`` is empty where it asks for none."""

    address: str
    token: str = ""
    authority: Path | None = None


def place_of(env: Mapping[str, str] | None, taken: Mapping[str, str]) -> Place | None:
    """Return the server that the settings name, None for none; ``taken`` holds the secrets.

    Raises ConfigError for an authority that is no file.
    """
    address = opa.OPA_ADDR.read(env)
    if not address:
        return None
    authority = opa.OPA_CACERT.read(env)
    if authority is not None and not authority.is_file():
        raise ConfigError(f"{opa.OPA_CACERT.name} names no file: {authority}.")
    return Place(address.rstrip("/"), opa.OPA_TOKEN.read(taken), authority)


class PolicyServerProcessor:
    """Asks the server of a place; entered and left on the loop that its calls are made on.

    Without a place every question is unanswered.
    """

    def __init__(self, place: Place | None) -> None:
        self._place = place
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """Open the client; nothing is connected yet."""
        if self._place is not None:
            token = self._place.token
            self._client = httpx.AsyncClient(
                verify=trust(self._place.authority),
                headers={**IDENTITY, **({"authorization": f"Bearer {token}"} if token else {})},
                follow_redirects=False,
                limits=httpx.Limits(max_connections=_CONNECTIONS),
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the client."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def call(self, work: PolicyWork) -> PolicyResult:
        """Ask each question in turn; the first that has no answer is that of all."""
        started = time.monotonic()
        answers: list[ServerAnswer] = []
        for question in work.questions:
            try:
                answers.append(await self._answer(question, work.input.inline or b"null"))
            except NoAnswerError as fault:
                error = _error(question, str(fault), here=self._place is not None)
                return unanswered(work, error, _ms_since(started))
        return PolicyResult(
            run_id=work.run_id,
            call_id=work.call_id,
            attempt=work.attempt,
            outcome=Outcome.SUCCEEDED,
            latency_ms=_ms_since(started),
            answers=tuple(answers),
            input_digest=work.input.digest,
        )

    async def _answer(self, question: PolicyQuestion, given: bytes) -> ServerAnswer:
        if self._place is None or self._client is None:
            raise NoAnswerError(f"No policy server is set up: set {opa.OPA_ADDR.name}.")
        url = f"{self._place.address}/v1/data/{question.path}?provenance=true"
        limit = asyncio.timeout(question.timeout_ms / 1000)
        try:
            async with limit:
                body = await self._ask(self._client, url, b'{"input":' + given + b"}")
        except TimeoutError:
            if not limit.expired():
                raise
            raise NoAnswerError(f"No answer came within {question.timeout_ms} ms.") from None
        except BodyRefusedError as error:
            raise NoAnswerError(f"It gave an answer {error}.") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError) as error:
            raise NoAnswerError(f"It cannot be reached ({type(error).__name__}).") from None
        return answer_of(question.policy, body)

    async def _ask(self, client: httpx.AsyncClient, url: str, body: bytes) -> bytes:
        headers = {"content-type": "application/json"}
        async with client.stream("POST", url, content=body, headers=headers, timeout=None) as found:
            if found.status_code != 200:
                raise NoAnswerError(f"It answers with the status {found.status_code}.")
            return b"".join([piece async for piece in pieces(found, MOST_BYTES)])


def _error(question: PolicyQuestion, why: str, *, here: bool) -> ErrorInfo:
    return ErrorInfo(
        error_type=UNAVAILABLE if here else NOT_SET,
        message=f"The policy server gave no answer for {json.dumps(question.policy)}: {why}",
        retryable=True,
        suggested_next_action="See whether the policy server answers, and what it says.",
    )


def _ms_since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
