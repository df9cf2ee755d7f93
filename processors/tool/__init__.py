"""The tool processor: contracts, claims, built-in tools, and tools written in Python.

What a module of tools needs is here: ``tool``, ``ToolContext``, ``ToolRefusedError``. Names are
loaded when they are first used: a process that serves one module of tools needs few of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runfold.processors.tool.builtin import builtin_contracts
    from runfold.processors.tool.context import ToolContext
    from runfold.processors.tool.errors import ToolRefusedError
    from runfold.processors.tool.processor import ToolProcessor
    from runfold.processors.tool.python.tools import contract_of, tool

__all__ = [
    "ToolContext",
    "ToolProcessor",
    "ToolRefusedError",
    "builtin_contracts",
    "contract_of",
    "tool",
]

_PLACES = {
    "ToolContext": "context",
    "ToolProcessor": "processor",
    "ToolRefusedError": "errors",
    "builtin_contracts": "builtin",
    "contract_of": "python.tools",
    "tool": "python.tools",
}


def __getattr__(name: str) -> Any:
    """Load a name from its module."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
