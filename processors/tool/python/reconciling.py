"""Asking a tool what nobody else can know: whether a call that was cut off has happened [93].

A tool in Python declares a reconciler, ``@tool(reconcile=...)``: a function that takes the
idempotency key, and a ``ToolContext`` where it is typed so, and returns ``happened``, ``did_not``
or ``unknown``. It is asked before a person is. ``did_not`` says that it will not happen any more
either: a process that was taken for dead may only have stood still, so a reconciler has to void
the key where that is possible, and to say ``unknown`` where it is not.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import typing
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

from runfold.events.calls import Outcome
from runfold.events.contents.content import json_content
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.ending import Ending, failed
from runfold.processors.tool.python.threads import in_thread

log = logging.getLogger(__name__)


class Truth(StrEnum):
    """What a reconciler found out; the values are what its function returns."""

    HAPPENED = "happened"
    DID_NOT = "did_not"
    UNKNOWN = "unknown"


Reconciler = Callable[[ToolContext], Awaitable[Truth]]
"""Finds out about the call of a context; never raises."""

Ask = Callable[[], Awaitable[Truth]]


def reconciler_of(function: Callable[..., Any], limit_s: float) -> Reconciler:
    """Return what asks a function; an error, a time-out and rubbish count as ``unknown``."""

    async def ask(context: ToolContext) -> Truth:
        try:
            async with asyncio.timeout(limit_s):
                return Truth(str(await _asked(function, context)))
        except Exception:
            log.exception("the reconciler of call %s could not tell", context.call_id)
            return Truth.UNKNOWN

    return ask


async def _asked(function: Callable[..., Any], context: ToolContext) -> object:
    hints = typing.get_type_hints(function)
    given: dict[str, Any] = {name: context for name, hint in hints.items() if hint is ToolContext}
    if inspect.iscoroutinefunction(function):
        return await function(context.idempotency_key, **given)
    return await in_thread(function, context.idempotency_key, **given)


def happened() -> Ending:
    """Return how a call ended of which only the reconciler knows that it happened."""
    return Ending(Outcome.SUCCEEDED, json_content({"reconciled": Truth.HAPPENED}), effect=True)


async def settled(ending: Ending, ask: Ask) -> Ending:
    """Return a better ending for one in doubt, where the tool can tell.

    That it did not happen is not believed of a call that overran: it may still be under way.
    """
    assert ending.error is not None
    match await ask():
        case Truth.HAPPENED:
            return happened()
        case Truth.DID_NOT if ending.error.error_type != "timeout":
            return failed(ending.error.model_copy(update={"retryable": True}))
        case _:
            return ending
