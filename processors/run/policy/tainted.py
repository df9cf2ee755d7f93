"""What a run needs more of once it has read what strangers wrote: it may have been talked into it.

Taint raises what a call needs, and never permits anything.
"""

from __future__ import annotations

from runfold.events.calls import ToolResult
from runfold.events.definitions import ToolContract
from runfold.events.values import Sign
from runfold.processors.run.behaviour import BY_TAINT, WITH_SIGNS
from runfold.processors.run.draft import Draft
from runfold.processors.run.state import Live

FROM_LEVEL = 2
"""From this risk level on a person is asked, whatever contract and agent say: what leaves."""


def taints(draft: Draft, tool: str) -> bool:
    """Whether a tool's answer holds what strangers wrote, by its contract."""
    if draft.run.behaviour < BY_TAINT:
        return False
    contract = draft.tool(tool)
    return contract is not None and contract.reads_strangers


def signs(draft: Draft, result: ToolResult) -> tuple[Sign, ...]:
    """Return what goes on record of a result's signs; nothing is decided by them."""
    return result.signs if draft.run.behaviour >= WITH_SIGNS else ()


def asks_a_person(run: Live, contract: ToolContract) -> bool:
    """Whether a call needs a person's approval for what the run has read."""
    return bool(run.loop.taint) and contract.risk_level >= FROM_LEVEL
