"""Runfold: an event-sourced runtime for production LLM agents.

What an application needs is here, and nothing else:

    import runfold

    with runfold.connect() as client:
        run = client.run("Say hello", agent="hello")
        print(run.wait(timeout=60).payload)

``connect_async`` gives the same on an event loop, ``connect_http`` and ``connect_http_async`` by
way of a gateway. ``tool`` makes a typed function a tool, and
``runfold.testing`` tests agents and tools without servers. Errors form a tree by what their caller
must do: ``RefusedError`` (change what was asked) and ``RetryError`` (the same may succeed later).

Names are loaded when they are first used, so that ``import runfold`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runfold import testing
    from runfold.aio import AsyncClient, AsyncRun, connect_async
    from runfold.client import Client, Run, connect
    from runfold.events.values import Limits
    from runfold.over_http import connect_http, connect_http_async
    from runfold.processors.tool.context import ToolContext
    from runfold.processors.tool.errors import ToolRefusedError
    from runfold.processors.tool.python.tools import tool
    from runfold.surfaces.application.errors import (
        AmbiguousError,
        ForbiddenError,
        InDoubtError,
        InvalidError,
        NotFoundError,
        NotYetError,
        RefusedError,
        RetryError,
        RunEndedError,
        UnavailableError,
    )
    from runfold.surfaces.application.errors import ApplicationError as RunfoldError
    from runfold.surfaces.application.shapes import Completion, ControlOutcome, Event, RunDetail

__all__ = [
    "AmbiguousError",
    "AsyncClient",
    "AsyncRun",
    "Client",
    "Completion",
    "ControlOutcome",
    "Event",
    "ForbiddenError",
    "InDoubtError",
    "InvalidError",
    "Limits",
    "NotFoundError",
    "NotYetError",
    "RefusedError",
    "RetryError",
    "Run",
    "RunDetail",
    "RunEndedError",
    "RunfoldError",
    "ToolContext",
    "ToolRefusedError",
    "UnavailableError",
    "connect",
    "connect_async",
    "connect_http",
    "connect_http_async",
    "testing",
    "tool",
]

# Where a name is found; a type checker reads it above.
_ERRORS = "runfold.surfaces.application.errors"
_SHAPES = "runfold.surfaces.application.shapes"
_HOMES = {
    "AmbiguousError": _ERRORS,
    "AsyncClient": "runfold.aio",
    "AsyncRun": "runfold.aio",
    "Client": "runfold.client",
    "Completion": _SHAPES,
    "ControlOutcome": _SHAPES,
    "Event": _SHAPES,
    "ForbiddenError": _ERRORS,
    "InDoubtError": _ERRORS,
    "InvalidError": _ERRORS,
    "Limits": "runfold.events.values",
    "NotFoundError": _ERRORS,
    "NotYetError": _ERRORS,
    "RefusedError": _ERRORS,
    "RetryError": _ERRORS,
    "Run": "runfold.client",
    "RunDetail": _SHAPES,
    "RunEndedError": _ERRORS,
    "ToolContext": "runfold.processors.tool.context",
    "ToolRefusedError": "runfold.processors.tool.errors",
    "UnavailableError": _ERRORS,
    "connect": "runfold.client",
    "connect_async": "runfold.aio",
    "connect_http": "runfold.over_http",
    "connect_http_async": "runfold.over_http",
    "tool": "runfold.processors.tool.python.tools",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name == "testing":
        return import_module("runfold.testing")
    if name == "RunfoldError":
        return import_module(_ERRORS).ApplicationError
    if name not in _HOMES:
        raise AttributeError(f"module 'runfold' has no attribute {name!r}")
    return globals().setdefault(name, getattr(import_module(_HOMES[name]), name))


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *__all__})
