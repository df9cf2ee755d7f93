"""Tools that take their process down, and one that does not; ``main`` makes calls of them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from runfold.events.calls import ToolResult
from runfold.events.contents.content import json_content
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.secrets.memory import MemorySecrets
from runfold.processors.tool import ToolProcessor, contract_of, tool
from runfold.processors.tool.claims.memory import MemoryClaims
from runfold.processors.tool.dying.deaths import Deaths
from runfold.processors.tool.dying.poison import PoisonGuard
from tests.effects.given import tool_work


@tool(name="leaves", risk_level=0)
async def leaves(after: float) -> None:
    """End the process without a word."""
    await asyncio.sleep(after)
    os._exit(9)


@tool(name="breaks", risk_level=1, idempotent=True)
def breaks(after: float) -> None:
    """End it by a signal."""
    os.kill(os.getpid(), signal.SIGSEGV)


@tool(name="works", risk_level=0)
async def works(after: float) -> str:
    """Do what was asked, after a while."""
    await asyncio.sleep(after)
    return "done"


TOOLS = {found.name: found for found in (contract_of(each) for each in (leaves, breaks, works))}


async def calls(processor: ToolProcessor, asked: list[list[object]]) -> None:
    """Make calls together, as a pool does to which they are delivered again."""

    async def one(name: str, number: int, after: float) -> None:
        result: ToolResult = await processor.call(
            tool_work(
                tool=name,
                tool_version="1.0.0",
                call_id=f"run.{number}",
                arguments=json_content({"after": after}),
                timeout_ms=20_000,
            )
        )
        error = result.error.error_type if result.error else ""
        print(json.dumps([name, number, result.outcome.value, error]), flush=True)

    await asyncio.gather(*(one(str(a), int(str(b)), float(str(c))) for a, b, c in asked))


def main() -> None:
    """Make the calls of the second argument with the folder of the first."""
    with Deaths(Path(sys.argv[1])) as deaths:
        processor = ToolProcessor(
            lambda name, _version, _tenant: TOOLS[name],
            MemoryClaims(),
            MemoryArtifacts(),
            MemorySecrets({}),
            modules=["tests.hard.tools.poison_tools"],
            poison=PoisonGuard(deaths),
        )
        asyncio.run(calls(processor, json.loads(sys.argv[2])))
