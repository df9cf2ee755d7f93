"""A LangGraph worker: a run is a thread of a graph, checkpointed after each node, ``sync``.

Runs in the peers' environment. A saver serialises what goes through it, so there are several, with
a connection each.
"""

from __future__ import annotations

import asyncio
import operator
import os
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from benchmarks.peers.agent import lines, work
from benchmarks.peers.agent.alone import alone

# As its documentation asks for.
_CONNECTION = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
_SAVERS = 10


class State(TypedDict):
    """What a run has come to."""

    run_id: str
    goal: str
    messages: Annotated[list[dict[str, Any]], operator.add]


async def model(state: State) -> dict[str, Any]:
    """Make a model call."""
    turn = sum(1 for message in state["messages"] if message["type"] == "tool_result")
    return {"messages": [await work.model(state["run_id"], state["goal"], turn)]}


async def tool(state: State) -> dict[str, Any]:
    """Make a tool call."""
    arguments = state["messages"][-1]["arguments"]
    return {"messages": [await work.tool(state["run_id"], arguments)]}


def route(state: State) -> str:
    """Return where a run goes from the model."""
    return "tool" if state["messages"][-1]["type"] == "tool_call" else END


def graph_on(saver: AsyncPostgresSaver) -> Any:
    """Return the agent with its checkpoints in a saver."""
    graph = StateGraph(State)
    graph.add_node("model", model)
    graph.add_node("tool", tool)
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", route, ["tool", END])
    graph.add_edge("tool", "model")
    return graph.compile(checkpointer=saver)


class Runs:
    """Makes runs on the graph whose saver is the least busy."""

    def __init__(self, graphs: list[Any]) -> None:
        self._free: asyncio.PriorityQueue[tuple[int, int]] = asyncio.PriorityQueue()
        self._graphs = graphs
        for number in range(len(graphs)):
            self._free.put_nowait((0, number))

    async def run(self, run_id: str, command: dict[str, Any]) -> None:
        """Make a run from its beginning, or from its last checkpoint."""
        load, number = self._free.get_nowait()
        self._free.put_nowait((load + 1, number))
        await self._on(self._graphs[number], run_id, command)

    async def _on(self, graph: Any, run_id: str, command: dict[str, Any]) -> None:
        thread = {"configurable": {"thread_id": run_id}}
        given: dict[str, Any] | None = {
            "run_id": run_id,
            "goal": command["goal"],
            "messages": [],
        }
        if command["again"]:
            known = await graph.aget_state(thread)
            if known.metadata and not known.next:
                return
            given = None if known.metadata else given
        ended = await graph.ainvoke(given, thread, durability="sync")
        assert ended["messages"][-1]["type"] == "answer"


async def main() -> None:
    """Serve until the input ends."""
    url = os.environ["RUNFOLD_BENCH_DATABASE"]
    savers = []
    for _ in range(_SAVERS):
        pool: Any = AsyncConnectionPool(url, min_size=1, max_size=1, kwargs=_CONNECTION, open=False)
        await pool.open()
        savers.append(AsyncPostgresSaver(pool))
    with alone(url):
        await savers[0].setup()
    await lines.serve(Runs([graph_on(saver) for saver in savers]).run)


if __name__ == "__main__":
    asyncio.run(main())
