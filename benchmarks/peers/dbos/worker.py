"""A DBOS worker: runs are workflows, calls are steps; runs in the peers' environment.

It makes the runs that its lines ask for, and at its start goes on with those that it had under way
when it was killed, as DBOS does by itself.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from dbos import DBOS, SetWorkflowID

from benchmarks.peers.agent import lines, work
from benchmarks.peers.agent.alone import alone

# Its own second would be counted as recovery.
_LOOK_EVERY_S = 0.2


@DBOS.step()
async def model(run_id: str, goal: str, turn: int) -> dict[str, Any]:
    """Make a model call."""
    return await work.model(run_id, goal, turn)


@DBOS.step()
async def tool(run_id: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Make a tool call."""
    return await work.tool(run_id, arguments)


@DBOS.workflow()
async def agent(run_id: str, goal: str) -> dict[str, Any]:
    """Ask the model and do as it says, until it answers."""
    for turn in range(work.TOOL_CALLS):
        said = await model(run_id, goal, turn)
        await tool(run_id, said["arguments"])
    return await model(run_id, goal, work.TOOL_CALLS)


async def run(run_id: str, command: dict[str, Any]) -> None:
    """Make a run, or wait for the one that is under way already."""
    if command["again"] and await DBOS.get_workflow_status_async(run_id) is not None:
        handle = await DBOS.retrieve_workflow_async(run_id)
        await handle.get_result(polling_interval_sec=_LOOK_EVERY_S)
        return
    with SetWorkflowID(run_id):
        await agent(run_id, command["goal"])


async def main() -> None:
    """Serve until the input ends."""
    url = os.environ["RUNFOLD_BENCH_DATABASE"]
    DBOS(
        config={
            "name": "bench",
            "system_database_url": url.replace("postgresql", "postgresql+psycopg", 1),
            "application_version": "1",
            "executor_id": os.environ["RUNFOLD_BENCH_WORKER"],
            "log_level": "ERROR",
        }
    )
    with alone(url):
        DBOS.launch()
    await lines.serve(run)


if __name__ == "__main__":
    asyncio.run(main())
