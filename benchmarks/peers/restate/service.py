"""The agent as a Restate service: one handler, a durable step a call; in the peers' environment."""

from __future__ import annotations

from typing import Any

import restate

from benchmarks.peers.agent import work

service = restate.Service("agent")


@service.handler()
async def run(context: restate.Context, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the model and do as it says, until it answers."""
    run_id, goal = request["run_id"], request["goal"]
    for turn in range(work.TOOL_CALLS):
        said = await context.run_typed("model", work.model, run_id=run_id, goal=goal, turn=turn)
        await context.run_typed("tool", work.tool, run_id=run_id, arguments=said["arguments"])
    last = work.TOOL_CALLS
    return await context.run_typed("model", work.model, run_id=run_id, goal=goal, turn=last)


app = restate.app(services=[service])
