"""Tools that misbehave with what they know: one raises it, one answers with it."""

from __future__ import annotations

from runfold.events.values import Placement
from runfold.processors.tool import ToolContext, tool


@tool(name="leak.raise", auth=("vault",), timeout_ms=20_000, risk_level=0)
def raises(what: str, context: ToolContext) -> str:
    """Fail, and say everything in the error."""
    raise ValueError(f"{what} with {context.secrets['vault']}")


@tool(
    name="leak.answer", auth=("vault",), placement=Placement.LOCAL, timeout_ms=20_000, risk_level=0
)
def answers(what: str, context: ToolContext) -> str:
    """Answer with everything."""
    return f"{what} with {context.secrets['vault']}"


TOOLS = (raises, answers)
