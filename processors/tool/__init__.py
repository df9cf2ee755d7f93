"""The tool processor: contracts, claims, built-in tools, and tools written in Python.

What a module of tools needs is here: ``tool``, ``ToolContext``, ``ToolRefusedError``.
"""

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
