"""What runs a tool: the part of a contract's ``implementation`` before the colon says which way.

Each way is one row here. To add one, write the module that finds implementations, and its row.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from runfold.processors.tool.builtin import builtin_implementation
from runfold.processors.tool.errors import ToolRefusedError
from runfold.processors.tool.execution import Implementation, Room
from runfold.processors.tool.python.code import code_digest
from runfold.processors.tool.python.reconciling import Reconciler
from runfold.processors.tool.python.tools import python_implementation, python_reconciler

Modules = Sequence[str]
"""The Python modules that tools may come from."""


def _asks_nobody(_target: str, _modules: Modules) -> Reconciler | None:
    return None


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run tools: ``form`` is how a contract names it, for people.

    ``find`` returns what runs a target, None if there is no such; ``reconciler`` what finds out
    about its calls that were cut off, None if nothing can. Both may raise ToolRefusedError.
    """

    name: str
    form: str
    find: Callable[[str, Modules], Implementation | None]
    reconciler: Callable[[str, Modules], Reconciler | None] = _asks_nobody


WAYS: tuple[Way, ...] = (
    Way("builtin", "builtin:<name>", lambda target, _modules: builtin_implementation(target)),
    Way("python", "python:<module>:<function>", python_implementation, python_reconciler),
)
_BY_NAME = {way.name: way for way in WAYS}


def implementation_of(name: str, modules: Modules) -> Implementation:
    """Return what runs a contract's ``implementation``; raises ToolRefusedError if nothing does."""
    kind, _, target = name.partition(":")
    way = _BY_NAME.get(kind)
    found = way.find(target, modules) if way else None
    if found is None:
        raise ToolRefusedError(
            f"There is no implementation {name!r}.",
            error_type="unavailable",
            suggested_next_action=f"Say {' or '.join(way.form for way in WAYS)}.",
        )
    return found


def reconciler_of(name: str, modules: Modules) -> Reconciler | None:
    """Return what finds out about cut-off calls of an ``implementation``, None if nothing can."""
    kind, _, target = name.partition(":")
    way = _BY_NAME.get(kind)
    return way.reconciler(target, modules) if way else None


@dataclass(frozen=True, slots=True)
class Found:
    """What a call needs of an implementation: a place to run it, what says its outcome, its code.

    ``digest`` returns the digest of the code that would run, None where there is no source.
    """

    room: Room
    reconciler: Reconciler | None = None
    digest: Callable[[], Awaitable[str | None]] | None = None


def here(implementation: Implementation) -> Found:
    """Return an implementation that runs in this process and stands for itself."""
    return Found(partial(_in_this_process, implementation))


def found_here(name: str, modules: Modules) -> Found:
    """Return what runs an ``implementation`` in this process; raises ToolRefusedError."""
    run = implementation_of(name, modules)
    return Found(
        partial(_in_this_process, run), reconciler_of(name, modules), partial(_digest_here, name)
    )


async def _digest_here(name: str) -> str | None:
    return code_digest(name)


@asynccontextmanager
async def _in_this_process(implementation: Implementation) -> AsyncIterator[Implementation]:
    yield implementation
