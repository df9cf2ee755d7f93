"""The kind of effect that is a tool call."""

from __future__ import annotations

from collections.abc import Callable

from runfold.events.calls import Outcome, ToolResult, ToolWork, kinds
from runfold.events.definitions import ToolContract
from runfold.events.values import ErrorInfo
from runfold.processors.effects.kinds import EffectKind
from runfold.processors.tool.span import SPAN


def may_repeat(
    contracts: Callable[[str, str, str], ToolContract | None],
) -> Callable[[ToolWork], bool]:
    """Return what says whether a call that is cut off may simply be made again.

    ``contracts`` finds a contract by name, version and tenant; without one nothing is called.
    """

    def may(work: ToolWork) -> bool:
        found = contracts(work.tool, work.tool_version, work.tenant_id)
        return found is None or found.safe_to_repeat

    return may


def _broken(work: ToolWork, error: ErrorInfo, latency_ms: int) -> ToolResult:
    """Return a doubt, for a person to look at.

    A host does not know whether the tool had begun to act; only the keeper of its contract would,
    and that is what broke.
    """
    return ToolResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.UNCERTAIN,
        latency_ms=latency_ms,
        error=error,
        effect=True,
    )


def _held(work: ToolWork, error: ErrorInfo) -> ToolResult:
    return ToolResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.HELD,
        latency_ms=0,
        error=error,
    )


TOOL_CALL = EffectKind(
    kinds.TOOL,
    turn=lambda work: f"{work.tool}@{work.tool_version}",
    on_broken=_broken,
    on_held=_held,
    repeatable=False,
    span=SPAN,
)
"""Made by a ``ToolProcessor``; a tool's own cap bounds its calls in one process [97]."""
