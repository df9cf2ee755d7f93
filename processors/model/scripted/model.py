"""The scripted model: plays a script, deterministically, in a model's place.

The turn to play follows from the context alone, so a call that is made again is answered in the
same way. Turns are played in order, one for each answer; a turn whose ``when`` does not hold at
its time is skipped (processors/model/scripted/conditions.py). Texts and arguments may quote the run
(processors/model/scripted/templates.py). A call's ``arguments`` given as a string are passed on as
the model's own text, which is how malformed arguments are played. ``error`` {type, message,
retryable, retry_after_ms, times} fails the first ``times`` attempts (1 unless told) of the call
before the turn is played; a turn that has nothing else to say is then passed over. ``delay_ms``
is the time the answer takes, ``usage`` the tokens it reports (else four bytes are one token).
After the last turn, and whenever a person says something later, it calls ``complete_task``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from runfold.events.calls import Message, ModelWork, Role
from runfold.events.definitions import ModelScript, ScriptTurn
from runfold.events.values import ProposedCall, Usage
from runfold.processors.model.deltas import Deltas, tell_of
from runfold.processors.model.names import SCRIPTED
from runfold.processors.model.providers import wire
from runfold.processors.model.providers.faults import (
    RETRYABLE,
    ProviderFaultError,
    ScriptedFaultError,
)
from runfold.processors.model.providers.wire import WireAnswer
from runfold.processors.model.scripted.conditions import holds
from runfold.processors.model.scripted.templates import Scope, Seen, TemplateError, fill

_COMPLETE = "complete_task"
_MOST_PIECES = 50
_WORDS = re.compile(r"\s*\S+\s*")

Lookup = Callable[[str, str], ModelScript | None]
"""Finds a script by ``name`` or ``name@version``, and the tenant that asks."""


class Scripted:
    """A model whose answers are a script's turns.

    ``refresh`` may block: it is called, in a thread, before a script is said not to exist.
    ``sleep`` takes seconds.
    """

    def __init__(
        self,
        lookup: Lookup,
        refresh: Callable[[], object],
        sleep: Callable[[float], Awaitable[None]],
        deltas: Deltas | None = None,
    ) -> None:
        self._deltas = deltas
        self._lookup = lookup
        self._refresh = refresh
        self._sleep = sleep

    async def answer(self, work: ModelWork, model: str, budget_s: float) -> WireAnswer:
        """Return the answer of the script ``model``; ProviderFaultError where it has none."""
        script = await self._find(model, work.tenant_id)
        try:
            index, scope = choose(script.turns, work.messages, work.attempt)
            if index is None:
                return _final(script, work)
            turn = script.turns[index]
            if turn.error is not None and work.attempt <= _times(turn):
                await self._take_time(turn, budget_s, model)
                raise _fault(turn.error)
            found = _answer(turn, scope, work, f"{script.name}@{script.version}#{index + 1}")
        except (TemplateError, ValueError, TypeError) as error:
            said = f"script {script.name}@{script.version}: {error}"
            raise ProviderFaultError("playbook_error", said) from error
        await self._take_time(turn, budget_s, model, self._words(found, work, model))
        return found

    def _words(self, found: WireAnswer, work: ModelWork, model: str) -> list[Callable[[], None]]:
        """Return what tells an answer, piece by piece, where its agent asks for a stream."""
        tell = tell_of(self._deltas, work, f"{SCRIPTED}:{model}")
        if tell is None or not wire.streams(work):
            return []
        words = _WORDS.findall(wire.read(found.answer.text))
        size = len(words) // _MOST_PIECES + 1
        pieces = ["".join(words[at : at + size]) for at in range(0, len(words), size)]
        return [partial(tell, piece) for piece in pieces]

    async def _find(self, model: str, tenant: str) -> ModelScript:
        script = self._lookup(model, tenant) if model else None
        if script is None and model:
            await asyncio.to_thread(self._refresh)
            script = self._lookup(model, tenant)
        if script is None:
            raise ProviderFaultError("not_configured", _unknown(model))
        return script

    async def _take_time(
        self,
        turn: ScriptTurn,
        budget_s: float,
        model: str,
        pieces: Sequence[Callable[[], None]] = (),
    ) -> None:
        """Take the time of a turn, and tell the pieces of its answer meanwhile."""
        seconds = max(0.0, min(turn.delay_ms / 1000, budget_s))
        for tell in pieces:
            tell()
            if seconds:
                await self._sleep(seconds / len(pieces))
        if seconds and not pieces:
            await self._sleep(seconds)
        if turn.delay_ms / 1000 >= budget_s:
            raise ProviderFaultError("timeout", f"script {model} takes longer than the time-out")


def choose(
    turns: Sequence[ScriptTurn], messages: Sequence[Message], attempt: int
) -> tuple[int | None, Scope]:
    """Return the index of the turn to play, None after the last, and what it can quote."""
    scopes = _scopes(messages)
    cursor = 0
    for scope in scopes[:-1]:
        played = _next(turns, cursor, scope, None)
        cursor = len(turns) if played is None else played + 1
    return _next(turns, cursor, scopes[-1], attempt), scopes[-1]


def _next(
    turns: Sequence[ScriptTurn], cursor: int, scope: Scope, attempt: int | None
) -> int | None:
    """Return the next turn at or after ``cursor``; ``attempt`` is None for an answer given."""
    for index in range(cursor, len(turns)):
        turn = turns[index]
        if turn.when is not None and not holds(turn.when, scope):
            continue
        only_fails = turn.error is not None and turn.text is None and not turn.calls
        if only_fails and (attempt is None or attempt > _times(turn)):
            continue
        return index
    return None


def _scopes(messages: Sequence[Message]) -> list[Scope]:
    """Return what could be quoted at each answer given so far, and what can be now."""
    scopes: list[Scope] = []
    tools: dict[str, str] = {}
    results: list[Seen] = []
    goal: str | None = None
    said, fresh = "", 0
    for message in messages:
        if message.role is Role.ASSISTANT:
            scopes.append(Scope(goal or "", said, tuple(results), fresh))
            tools.update((call.id, call.name) for call in message.tool_calls)
            fresh = 0
        elif message.role is Role.TOOL:
            tool = tools.get(message.call_id or "", "")
            results.append(Seen(tool, message.content, is_error=message.is_error))
            fresh += 1
        else:
            said = wire.read(message.content)
            goal = said if goal is None else goal
    return [*scopes, Scope(goal or "", said, tuple(results), fresh)]


def _answer(turn: ScriptTurn, scope: Scope, work: ModelWork, response_id: str) -> WireAnswer:
    spoken = fill(turn.text, scope)
    calls = [
        wire.proposed(
            wire.call_id_for(work, index),
            str(call.get("name", "")),
            fill(call.get("arguments", {}), scope),
        )
        for index, call in enumerate(turn.calls)
    ]
    return _spoken(None if spoken is None else str(spoken), calls, turn.usage, work, response_id)


def _final(script: ModelScript, work: ModelWork) -> WireAnswer:
    said = f"Script {script.name} is at its end."
    calls = []
    if any(tool.name == _COMPLETE for tool in work.tools):
        calls = [wire.proposed(wire.call_id_for(work, 0), _COMPLETE, {"summary": said})]
    return _spoken(said, calls, None, work, f"{script.name}@{script.version}#end")


def _spoken(
    spoken: str | None,
    calls: list[ProposedCall],
    usage: dict[str, int] | None,
    work: ModelWork,
    response_id: str,
) -> WireAnswer:
    answer = wire.answer_of(spoken, calls, "stop", None)
    reported = Usage(**usage) if usage is not None else _estimate(work, spoken, calls)
    return WireAnswer(answer=answer, usage=reported, response_id=response_id)


def _estimate(work: ModelWork, spoken: str | None, calls: list[ProposedCall]) -> Usage:
    read = work.instructions.size + sum(
        (message.content.size if message.content else 0)
        + sum(call.arguments.size for call in message.tool_calls)
        for message in work.messages
    )
    written = len((spoken or "").encode()) + sum(call.arguments.size for call in calls)
    return Usage(input_tokens=read // 4 + 1, output_tokens=written // 4 + 1)


def _times(turn: ScriptTurn) -> int:
    return int((turn.error or {}).get("times", 1))


def _fault(error: dict[str, Any]) -> ScriptedFaultError:
    error_type = str(error.get("type", "provider_error"))
    pause = error.get("retry_after_ms")
    return ScriptedFaultError(
        error_type,
        str(error.get("message", f"the script asks for {error_type}")),
        retryable=bool(error.get("retryable", error_type in RETRYABLE)),
        retry_after_ms=int(pause) if pause is not None else None,
    )


def _unknown(model: str) -> str:
    if model:
        return f"there is no script {model!r}: publish it with `runfold apply`"
    return "no model is configured: set OPENAI_API_KEY, ANTHROPIC_API_KEY or OPENAI_BASE_URL"
