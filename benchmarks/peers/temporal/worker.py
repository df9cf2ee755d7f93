"""A Temporal worker: runs are workflows, calls are activities; in the peers' environment."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from benchmarks.peers.agent import work

QUEUE = "runs"
ADDRESS = "RUNFOLD_BENCH_TEMPORAL"
_TIMEOUT = timedelta(seconds=10)
_AT_ONCE = 500


@activity.defn
async def model(run_id: str, goal: str, turn: int) -> dict[str, Any]:
    """Make a model call."""
    return await work.model(run_id, goal, turn)


@activity.defn
async def tool(run_id: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Make a tool call."""
    return await work.tool(run_id, arguments)


@workflow.defn
class Agent:
    """One run."""

    @workflow.run
    async def run(self, run_id: str, goal: str) -> dict[str, Any]:
        """Ask the model and do as it says, until it answers."""
        for turn in range(work.TOOL_CALLS):
            said = await _model(run_id, goal, turn)
            await workflow.execute_activity(
                tool, args=[run_id, said["arguments"]], start_to_close_timeout=_TIMEOUT
            )
        return await _model(run_id, goal, work.TOOL_CALLS)


async def _model(run_id: str, goal: str, turn: int) -> dict[str, Any]:
    return await workflow.execute_activity(
        model, args=[run_id, goal, turn], start_to_close_timeout=_TIMEOUT
    )


async def main() -> None:
    """Work until killed."""
    client = await Client.connect(os.environ[ADDRESS])
    await Worker(
        client,
        task_queue=QUEUE,
        workflows=[Agent],
        activities=[model, tool],
        max_concurrent_activities=_AT_ONCE,
        max_concurrent_workflow_tasks=_AT_ONCE,
    ).run()


if __name__ == "__main__":
    asyncio.run(main())
