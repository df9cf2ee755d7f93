"""What of an execution goes to the log of its process, by the level of its tool [92].

The journal has every call whole, at every level; the log is for whoever watches processes. A line
has ids, names and codes, never arguments, results or digests of them: a log is not sealed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runfold.events.calls import ToolWork
from runfold.events.definitions import ToolContract
from runfold.events.definitions.levels import LEVELS, LOGGED_LINES
from runfold.processors.tool.ending import Ending

log = logging.getLogger("runfold.calls")

BY_LEVEL = "by_level"
"""The setting with which the level decides alone."""


class CallLog:
    """Writes the lines of executions: those of the level, or all that ``least`` asks for.

    ``least`` is one of ``LOGGED_LINES`` or ``by_level``; it adds lines, and never takes any away.
    """

    def __init__(self, least: str = BY_LEVEL) -> None:
        self._least = 0 if least == BY_LEVEL else LOGGED_LINES.index(least)

    @contextmanager
    def execution(
        self, work: ToolWork, contract: ToolContract
    ) -> Iterator[Callable[[Ending], None]]:
        """Log an execution around the block, which is given whom to tell how it ended."""
        depth = max(self._least, LOGGED_LINES.index(LEVELS[contract.risk_level].lines))
        extra = {
            "tool": contract.name,
            "tool_version": contract.version,
            "risk_level": contract.risk_level,
            "tenant_id": work.tenant_id,
            "user_id": work.user_id,
            "attempt": work.attempt,
        }
        if depth == LOGGED_LINES.index("both"):
            log.info("a tool call begins", extra=extra)
        ended: list[Ending] = []
        started = time.monotonic()
        try:
            yield ended.append
        finally:
            if depth:
                latency_ms = int((time.monotonic() - started) * 1000)
                more = {"latency_ms": latency_ms, **_said(ended)}
                log.info("a tool call ended", extra={**extra, **more})


def _said(ended: list[Ending]) -> dict[str, object]:
    if not ended:
        # It was cut off, or refused after all; its result says which.
        return {"outcome": "none"}
    ending = ended[0]
    error = {"error_type": ending.error.error_type} if ending.error is not None else {}
    return {"outcome": ending.outcome.value, "repeated": ending.repeated, **error}
