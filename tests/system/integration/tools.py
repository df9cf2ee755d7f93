"""Tools that misbehave, each in its own way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from runfold.processors.tool import ToolContext, tool


@tool(name="bad.raises", risk_level=0)
def raises() -> str:
    """Raise what nobody expects."""
    raise ZeroDivisionError("no such thing")


@tool(name="bad.hangs", timeout_ms=400, risk_level=0)
def hangs() -> str:
    """Answer long after everybody has gone."""
    time.sleep(60)
    return "too late"


@tool(name="bad.rubbish", risk_level=0)
def rubbish() -> Any:
    """Return what is not JSON."""
    return object()


@tool(name="bad.lies", risk_level=0)
def lies() -> int:
    """Return something else than promised."""
    return "seven"  # type: ignore[return-value]


@tool(name="bad.large", max_result_bytes=20_000, risk_level=0)
def large() -> str:
    """Return five megabytes."""
    return "x" * 5_000_000


@tool(name="bad.outside", risk_level=3, approval="never")
def outside(context: ToolContext) -> str:
    """Fail after the fact may have happened; a person lets it be done again."""
    if context.attempt == 1:
        raise ZeroDivisionError("halfway")
    return "done"


TOOLS: tuple[Callable[..., Any], ...] = (raises, hangs, rubbish, lies, large, outside)
