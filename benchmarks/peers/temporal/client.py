"""A client of Temporal that is told by lines which runs to start; in the peers' environment."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from benchmarks.peers.agent import lines
from benchmarks.peers.temporal.worker import ADDRESS, QUEUE, Agent

_TRIES = 300


async def connect() -> Client:
    """Return a client that works, once the server has its name space."""
    name_space = RegisterNamespaceRequest(
        namespace="default", workflow_execution_retention_period=Duration(seconds=86400)
    )
    for _ in range(_TRIES):
        with suppress(RPCError, RuntimeError):
            client = await Client.connect(os.environ[ADDRESS])
            with suppress(RPCError):
                await client.workflow_service.register_namespace(name_space)
            # It is there some seconds before it is known everywhere.
            await client.count_workflows()
            return client
        await asyncio.sleep(0.2)
    raise TimeoutError("Temporal's server does not answer")


async def main() -> None:
    """Serve until the input ends."""
    client = await connect()

    async def run(run_id: str, command: dict[str, Any]) -> None:
        answer = await client.execute_workflow(
            Agent.run, args=[run_id, command["goal"]], id=run_id, task_queue=QUEUE
        )
        assert answer["type"] == "answer"

    await lines.serve(run)


if __name__ == "__main__":
    asyncio.run(main())
