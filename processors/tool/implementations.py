"""What runs a tool: the part of a contract's ``implementation`` before the colon says which way.

Each way is one row here. To add one, write the module that finds implementations, and its row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runfold.processors.tool.builtin import builtin_implementation
from runfold.processors.tool.errors import ToolRefusedError
from runfold.processors.tool.execution import Implementation
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
