"""The tools that come with Runfold: files, logs, a report, a web page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runfold.events.definitions import ToolContract
from runfold.processors.tool.builtin import (
    files_list,
    files_read,
    files_search,
    http_get,
    logs_stats,
    report_write,
)
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.execution import Implementation
from runfold.processors.tool.python.threads import in_thread


def _threaded(
    function: Callable[[Mapping[str, Any], ToolContext], object],
) -> Implementation:
    async def run(arguments: Mapping[str, Any], context: ToolContext) -> object:
        return await in_thread(function, arguments, context)

    return run


_TOOLS: tuple[tuple[ToolContract, Implementation], ...] = (
    (files_read.CONTRACT, _threaded(files_read.run)),
    (files_list.CONTRACT, _threaded(files_list.run)),
    (files_search.CONTRACT, _threaded(files_search.run)),
    (logs_stats.CONTRACT, _threaded(logs_stats.run)),
    (report_write.CONTRACT, _threaded(report_write.run)),
    (http_get.CONTRACT, http_get.run),
)
_BY_NAME = {contract.name: implementation for contract, implementation in _TOOLS}


def builtin_contracts() -> tuple[ToolContract, ...]:
    """Return the contracts of the built-in tools; file tools still need ``config.root``."""
    return tuple(contract for contract, _implementation in _TOOLS)


def builtin_implementation(name: str) -> Implementation | None:
    """Return what runs a built-in tool, or None if there is no such tool."""
    return _BY_NAME.get(name)
