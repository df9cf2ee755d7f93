"""Requests to Restate's ingress on bare connections: a client library would be what is measured."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence

from benchmarks.peers.contract import Done
from benchmarks.peers.errors import NotMeasuredError

_PATIENCE_S = 900.0


def run_all(port: int, run_ids: Sequence[str], at_once: int, goal: str) -> Done:
    """Make the runs, each a request that is answered when the run has ended."""
    return asyncio.run(_run_all(port, run_ids, at_once, goal))


async def _run_all(port: int, run_ids: Sequence[str], at_once: int, goal: str) -> Done:
    waiting = iter(run_ids)
    took: list[float] = []
    began = time.perf_counter()
    try:
        async with asyncio.timeout(_PATIENCE_S), asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(_connection(port, waiting, goal, took))
    except (TimeoutError, ExceptionGroup) as error:
        raise NotMeasuredError(f"{len(run_ids) - len(took)} runs did not end: {error}") from error
    return Done(tuple(run_ids), time.perf_counter() - began, tuple(took))


async def _connection(port: int, waiting: Iterator[str], goal: str, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for run_id in waiting:
        began = time.perf_counter()
        body = json.dumps({"run_id": run_id, "goal": goal}).encode()
        writer.write(
            b"POST /agent/run HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            b"idempotency-key: %s\r\ncontent-length: %d\r\n\r\n%s"
            % (run_id.encode(), len(body), body)
        )
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = json.loads(await reader.readexactly(size))
        if answer.get("type") != "answer":
            raise NotMeasuredError(f"a run failed: {answer!r:.300}")
        took.append(time.perf_counter() - began)
    writer.close()
