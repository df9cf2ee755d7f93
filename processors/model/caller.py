"""Speaking to one model: short waits, the model's breaker, every attempt on record."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from runfold.events.calls import ModelWork
from runfold.events.values import ProviderAttempt
from runfold.processors.effects.admission import Admission, left_alone
from runfold.processors.effects.circuits import Circuits, Member, Server
from runfold.processors.effects.holds import CannotBeginError
from runfold.processors.model.names import SCRIPTED, split
from runfold.processors.model.provenance import marked
from runfold.processors.model.providers.faults import (
    PROCESS_DIED,
    UNHEALTHY,
    CircuitOpenError,
    ProviderFaultError,
    ScriptedFaultError,
)
from runfold.processors.model.providers.wire import WireAnswer

_log = logging.getLogger(__name__)

_WAIT_S = 0.25
_LONGEST_WAIT_S = 2.0
_WORTH_WAITING = frozenset(
    {"rate_limited", "overloaded", "provider_error", "connection_lost", PROCESS_DIED}
)


Reserved = dict[str, Admission]
"""Leave to ask a model, by its name, that was held since before the call was permitted."""


class Speaker(Protocol):
    """Anything that answers a model call, or raises ProviderFaultError."""

    async def answer(self, work: ModelWork, model: str, budget_s: float) -> WireAnswer:
        """Return the model's answer within ``budget_s`` seconds."""


class Caller:
    """Makes calls on remote and scripted models; ``clock`` counts seconds, ``sleep`` takes them."""

    def __init__(
        self,
        remote: Speaker,
        scripted: Speaker,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._remote = remote
        self._scripted = scripted
        self._clock = clock
        self._sleep = sleep
        self._circuits = Circuits("model", "provider", clock)

    @contextmanager
    def reserved(self, names: Sequence[str], trial_s: float) -> Iterator[Reserved]:
        """Hold leave for the first model that can be asked; raises CannotBeginError for none."""
        holds = []
        for name in names:
            if split(name)[0] == SCRIPTED:
                yield {}
                return
            hold = self._circuits.look(_member(name))
            if hold is None:
                with self._circuits.admit(_member(name), trial_s) as admission:
                    yield {name: admission}
                return
            holds.append(hold)
        if len(holds) == 1:
            raise holds[0]
        pauses = [hold.retry_after_ms for hold in holds if hold.retry_after_ms is not None]
        raise CannotBeginError("circuit_open", left_alone(", ".join(names)), min(pauses))

    def left_alone(self) -> Mapping[str, object]:
        """Return which models and providers are left alone; from any thread."""
        return self._circuits.told()

    async def answer(
        self,
        work: ModelWork,
        name: str,
        budget_s: float,
        made: list[ProviderAttempt],
        reserved: Reserved,
    ) -> WireAnswer:
        """Return the answer of ``provider:model``, asked a second time where a short wait helps.

        Appends every attempt to ``made``; raises ProviderFaultError for the last of them.
        """
        until = self._clock() + budget_s
        try:
            return await self._guarded(work, name, budget_s, made, reserved)
        except ProviderFaultError as fault:
            wait = _wait(fault)
            if wait is None or self._clock() + wait >= until:
                raise
            first = fault
        await self._sleep(wait)
        left_s = max(0.001, until - self._clock())
        try:
            return await self._guarded(work, name, left_s, made, reserved)
        except CircuitOpenError:
            if not work.by_permission:
                raise
            # It was asked once, and that is what came of it.
            raise first from None

    async def _guarded(
        self,
        work: ModelWork,
        name: str,
        budget_s: float,
        made: list[ProviderAttempt],
        reserved: Reserved,
    ) -> WireAnswer:
        provider, model = split(name)
        if provider == SCRIPTED:
            return await self._recorded(self._scripted.answer(work, model, budget_s), name, made)
        # A script is a program: it reads results as they are.
        work = marked(work)
        with self._admitted(name, budget_s, made, reserved) as admission:
            try:
                answer = await self._recorded(self._remote.answer(work, name, budget_s), name, made)
            except ProviderFaultError as fault:
                if fault.error_type in UNHEALTHY:
                    admission.failed()
                raise
            admission.succeeded()
            return answer

    def _admitted(
        self, name: str, budget_s: float, made: list[ProviderAttempt], reserved: Reserved
    ) -> Admission:
        if (held := reserved.pop(name, None)) is not None:
            return held
        try:
            return self._circuits.admit(_member(name), budget_s)
        except CannotBeginError as hold:
            fault = CircuitOpenError(hold.code, hold.message, retry_after_ms=hold.retry_after_ms)
            made.append(_attempt(name, 0, fault))
            raise fault from None

    async def _recorded(
        self, answer: Awaitable[WireAnswer], name: str, made: list[ProviderAttempt]
    ) -> WireAnswer:
        started = self._clock()
        try:
            found = await answer
        except ProviderFaultError as fault:
            made.append(_attempt(name, self._since(started), fault))
            # What a provider says may quote the prompt; the journal has it, a log must not.
            _log.warning("model call on %s failed: %s", name, fault.error_type)
            raise
        if found.note:
            _log.warning("model call on %s: %s", name, found.note)
        made.append(_attempt(name, self._since(started), None, found.note))
        return found

    def _since(self, started: float) -> int:
        return int((self._clock() - started) * 1000)


def _member(name: str) -> Member:
    # One model of a provider may be overloaded or gone while its others answer.
    provider = split(name)[0]
    return Member(name, name, Server(provider, provider))


def _wait(fault: ProviderFaultError) -> float | None:
    """Return the seconds after which asking again in the same call makes sense, or None."""
    if isinstance(fault, ScriptedFaultError) or fault.error_type not in _WORTH_WAITING:
        return None
    if fault.retry_after_ms is None:
        return None if fault.error_type == "rate_limited" else _WAIT_S
    seconds = fault.retry_after_ms / 1000
    return seconds if seconds <= _LONGEST_WAIT_S else None


def _attempt(
    name: str, latency_ms: int, fault: ProviderFaultError | None, note: str | None = None
) -> ProviderAttempt:
    return ProviderAttempt(
        model=name,
        latency_ms=latency_ms,
        error_type=fault.error_type if fault else None,
        message=fault.message if fault else note,
    )
