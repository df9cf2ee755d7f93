"""The agent and its tools as Runfold knows them, and the tools' code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from benchmarks.peers.agent import work
from runfold.events.definitions import AgentDefinition, Definition, ModelChoice, ToolContract
from runfold.events.values import Limits, Placement
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.python.tools import contract_of, tool

READING, ACTING = "reading", "acting"
"""The agent whose tool is of level 0, and the one whose tool is of level 1."""

MODULE = __name__


def happened(key: str) -> str:
    """Return whether the line of a cut-off call is on the ledger: the world can be asked.

    Who wrote it was killed, so a line that is not there will not come any more.
    """
    there = Path(os.environ[work.LEDGER]).read_text()
    return "happened" if f" {key}\n" in there else "did_not"


@tool(name="bench.read", risk_level=0, placement=Placement.LOCAL)
async def read(n: int, query: str, context: ToolContext) -> dict[str, Any]:
    """Look something up; repeating it does no harm."""
    return await work.tool(context.run_id, {"n": n, "query": query}, context.idempotency_key)


@tool(name="bench.act", risk_level=1, reconcile=happened)
async def act(n: int, query: str, context: ToolContext) -> dict[str, Any]:
    """Do something that must not be done twice; it is claimed first."""
    return await work.tool(context.run_id, {"n": n, "query": query}, context.idempotency_key)


def definitions() -> tuple[Definition, ...]:
    """Return both agents and both tools."""
    contracts = contract_of(read), contract_of(act)
    names = READING, ACTING
    return (*contracts, *(_agent(*pair) for pair in zip(names, contracts, strict=True)))


def _agent(name: str, contract: ToolContract) -> AgentDefinition:
    return AgentDefinition(
        name=name,
        version="1.0",
        instructions="Look five things up, then finish.",
        prompt_version="1",
        model=ModelChoice(name="stub:stub"),
        tools=(contract.name,),
        limits=Limits(max_model_calls=50, max_tool_calls=100, max_identical_calls=5),
        # The claims are measured, not the patience of people.
        approval_from_level=2,
    )
