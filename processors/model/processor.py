"""The model processor: one call in, one result out, whatever the providers do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Protocol, Self

from runfold.events.calls import ModelResult, ModelWork, Outcome
from runfold.events.values import ErrorInfo, ProviderAttempt, Usage
from runfold.processors.effects.holds import CannotBeginError
from runfold.processors.effects.kinds import Make
from runfold.processors.model.caller import Caller, Reserved, Speaker
from runfold.processors.model.contents import Fetch, opened
from runfold.processors.model.deltas import Deltas
from runfold.processors.model.hiding import Hiding, ShownAgain
from runfold.processors.model.kind import MODEL_CALL
from runfold.processors.model.names import SCRIPTED, resolve, split
from runfold.processors.model.prices import UNPRICED, Priced, from_catalogue
from runfold.processors.model.providers.faults import (
    CircuitOpenError,
    ContentAwayError,
    ProviderFaultError,
)
from runfold.processors.model.providers.remote import Remote
from runfold.processors.model.providers.settings import ModelSettings
from runfold.processors.model.providers.transport import Transport
from runfold.processors.model.providers.wire import WireAnswer, doubted
from runfold.processors.model.scripted.model import Lookup, Scripted

# What a model gets of the time that is left while another could still be asked after it.
_SHARE = 2 / 3
_LONGEST_MESSAGE = 2000


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Providers(Speaker, Protocol):
    """The configured providers."""

    async def aclose(self) -> None:
        """Close what calls were made with."""


class ModelProcessor:
    """Makes model calls on configured providers and scripts [116].

    ``script`` finds a script by name or ``name@version``, ``fetch`` is the artifact store's
    ``get``, for contents held by reference. ``refresh`` may block; it is called in a thread
    before a script is said not to exist. ``clock`` counts seconds, ``now`` reads the wall
    clock, ``sleep`` takes seconds. ``remote`` asks the providers, from this process where it is
    None. ``deltas`` is told what models say while they answer.
    All calls of one processor are made from one event loop, on which it is also left: as an
    async context manager it closes its connections there.
    """

    def __init__(  # noqa: PLR0913 - what a test may set beside what a process does
        self,
        settings: ModelSettings,
        script: Lookup,
        fetch: Fetch | None = None,
        *,
        refresh: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        remote: Providers | None = None,
        deltas: Deltas | None = None,
    ) -> None:
        self._settings = settings
        self._fetch = fetch
        self._clock = clock
        self._now = now
        self._remote = remote or Remote(
            settings.providers, Transport(now, clock, settings.network), deltas
        )
        self._hiding = Hiding()
        self._caller = Caller(self._remote, Scripted(script, refresh, sleep, deltas), clock, sleep)

    async def call(self, work: ModelWork) -> ModelResult:
        """Return what came of a call; a provider's fault is a failed result, never an exception.

        The models are asked in order until one answers, all within ``work.timeout_ms`` [121].
        """
        return await self._called(work, {})

    @asynccontextmanager
    async def ready(self, work: ModelWork) -> AsyncIterator[Make[ModelResult]]:
        """Find out whether a call can begin: its contents are there, and a model may be asked.

        Raises CannotBeginError.
        """
        try:
            work = await opened(work, self._fetch)
        except ContentAwayError as away:
            raise CannotBeginError("artifacts_unavailable", away.message) from away
        except ProviderFaultError:
            # The call itself fails with it.
            pass
        with self._caller.reserved(self._candidates(work), work.timeout_ms / 1000) as reserved:
            yield partial(self._called, work, reserved)

    async def _called(self, work: ModelWork, reserved: Reserved) -> ModelResult:
        started = self._clock()
        made: list[ProviderAttempt] = []
        faults: list[ProviderFaultError] = []
        names = self._candidates(work)
        name = names[0]
        try:
            work = await opened(work, self._fetch)
        except ProviderFaultError as fault:
            return self._failed(work, name, started, made, [fault])
        shown, shield = await self._hiding.hidden(work)
        for place, name in enumerate(names, start=1):
            remaining = started + work.timeout_ms / 1000 - self._clock()
            budget = remaining if place == len(names) else remaining * _SHARE
            try:
                found = await self._caller.answer(shown, name, max(0.001, budget), made, reserved)
            except ProviderFaultError as fault:
                faults.append(fault)
                if not fault.falls_back:
                    break
            else:
                again = await self._hiding.shown_again(found.answer, shield)
                return self._succeeded(work, name, started, made, found, again)
        # Where every model was left alone, nothing was done.
        alone = all(isinstance(fault, CircuitOpenError) for fault in faults)
        if work.by_permission and alone:
            return MODEL_CALL.on_held(work, _summary(faults))
        return self._failed(work, names[0], started, made, faults)

    def group(self, work: ModelWork) -> str:
        """Return what shares the places of a call: calls of the model that is really asked."""
        return resolve(work.model, self._settings.configured)

    def left_alone(self) -> Mapping[str, object]:
        """Return which models and providers are left alone; from any thread."""
        return self._caller.left_alone()

    async def __aenter__(self) -> Self:
        """Return the processor."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections to the providers."""
        await self._remote.aclose()

    def _candidates(self, work: ModelWork) -> list[str]:
        wanted = (work.model, *work.fallbacks)
        return list(dict.fromkeys(resolve(name, self._settings.configured) for name in wanted))

    def _price(self, name: str, usage: Usage | None) -> Priced:
        if usage is None or doubted(usage):
            return UNPRICED
        try:
            return self._known_price(name, usage)
        except (ValueError, ArithmeticError):
            # A price of one's own and a count, each possible alone, make no sum of money.
            return UNPRICED

    def _known_price(self, name: str, usage: Usage) -> Priced:
        at = self._now()
        by_table = self._settings.table.price(name, usage, at)
        provider_name, model = split(name)
        if by_table is not None or provider_name == SCRIPTED:
            return by_table or UNPRICED
        provider = self._settings.providers[provider_name]
        return from_catalogue(model, usage, at, provider=provider.prices, address=provider.base_url)

    def is_priced(self, name: str) -> bool:
        """Return whether a price of a model is known here; scripts need none."""
        name = resolve(name, self._settings.configured)
        if split(name)[0] == SCRIPTED:
            return True
        try:
            return self._price(name, Usage(input_tokens=1, output_tokens=1)).cost is not None
        except LookupError:
            return False

    def _succeeded(
        self,
        work: ModelWork,
        name: str,
        started: float,
        made: list[ProviderAttempt],
        found: WireAnswer,
        again: ShownAgain,
    ) -> ModelResult:
        priced = self._price(name, found.usage)
        return ModelResult(
            run_id=work.run_id,
            call_id=work.call_id,
            attempt=work.attempt,
            outcome=Outcome.SUCCEEDED,
            model=name,
            provider=split(name)[0],
            latency_ms=self._since(started),
            answer=again.answer,
            usage=found.usage,
            cost=priced.cost,
            price=priced.price,
            attempts=tuple(made),
            time_to_first_token_ms=_ms(started, found.first_token_at),
            response_id=found.response_id,
            redacted=again.redacted,
            exposed=again.exposed,
            tenant_id=work.tenant_id,
        )

    def _failed(
        self,
        work: ModelWork,
        name: str,
        started: float,
        made: list[ProviderAttempt],
        faults: list[ProviderFaultError],
    ) -> ModelResult:
        return ModelResult(
            run_id=work.run_id,
            call_id=work.call_id,
            attempt=work.attempt,
            outcome=Outcome.FAILED,
            model=name,
            provider=split(name)[0],
            latency_ms=self._since(started),
            error=_summary(faults),
            attempts=tuple(made),
        )

    def _since(self, started: float) -> int:
        return int((self._clock() - started) * 1000)


def _ms(started: float, at: float | None) -> int | None:
    return None if at is None else int((at - started) * 1000)


def _summary(faults: list[ProviderFaultError]) -> ErrorInfo:
    """Return one error for all that failed: the first that a retry may cure, else the first."""
    retryable = [fault for fault in faults if fault.retryable]
    pauses = [fault.retry_after_ms for fault in retryable if fault.retry_after_ms is not None]
    chief = (retryable or faults)[0].info()
    return chief.model_copy(
        update={
            "message": "; ".join(dict.fromkeys(fault.message for fault in faults))[
                :_LONGEST_MESSAGE
            ],
            "retry_after_ms": min(pauses, default=None),
        }
    )
