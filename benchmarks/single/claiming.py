"""``python -m benchmarks.single.claiming``: what claims cost, by how many calls claim at a time.

Takes and finishes claims in an empty database, so many at a time, and prints claims a second and
processor time a claim, of this process and of Postgres. A claim is both: taken before its call and
ended after it. Processor time is the figure to compare: it hardly depends on what else the machine
does.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.machine import Processes
from benchmarks.support.stack import running
from runfold.events.contents.content import text
from runfold.processors.effects.loop import LoopThread
from runfold.processors.tool.claims.port import ClaimRequest, Verdict
from runfold.processors.tool.claims.postgres import PostgresClaims
from runfold.stack.settings import Settings

_AT_ONCE = (1, 8, 50)
_RESULT = text("a result of the length that the other benchmarks have as well: " + "x" * 37)


@dataclass(frozen=True, slots=True)
class Turn:
    """So many claims, so many at a time; processor times in microseconds a claim."""

    at_once: int
    per_s: float
    client_us: float
    postgres_us: float


def _wanted() -> ClaimRequest:
    call = f"{secrets.token_hex(16)}.1"
    return ClaimRequest(
        tool="bench.pay",
        tool_version="1.0",
        idempotency_key=call,
        tenant_id="bench",
        run_id=call[:-2],
        call_id=call,
        attempt=1,
        arguments_digest=b"d" * 32,
        safe_to_repeat=False,
    )


async def _make(claims: PostgresClaims, wanted: Sequence[ClaimRequest], at_once: int) -> None:
    left = iter(wanted)

    async def caller() -> None:
        for each in left:
            told = await claims.claim(each)
            if told.verdict is not Verdict.RUN or told.held is None:
                raise RuntimeError(f"a new claim was answered {told.verdict}")
            await claims.finish(told.held, _RESULT)

    await asyncio.gather(*(caller() for _ in range(at_once)))


async def _turn(settings: Settings, count: int, at_once: int) -> Turn:
    processes = Processes(settings)
    async with PostgresClaims(settings.database_url) as claims:
        await _make(claims, [_wanted() for _ in range(max(20, count // 10))], at_once)
        wanted = [_wanted() for _ in range(count)]
        before = processes.cpu_seconds()["postgres"], time.process_time(), time.perf_counter()
        await _make(claims, wanted, at_once)
        took, used = time.perf_counter() - before[2], time.process_time() - before[1]
        # The connection is still open: what a backend used is lost with its end.
        server = processes.cpu_seconds()["postgres"] - before[0]
    return Turn(at_once, count / took, used / count * 1e6, server / count * 1e6)


def measure(count: int, at_once: Sequence[int], rounds: int) -> list[Turn]:
    """Return every turn of so many rounds."""
    with tempfile.TemporaryDirectory(prefix="runfold-claiming-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with running(home, ()) as settings:
            loop = LoopThread("claims")
            try:
                return [
                    loop.run(_turn(settings, count, each))
                    for _ in range(rounds)
                    for each in at_once
                ]
            finally:
                loop.stop()


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 0 when it was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=int, default=2000, help="claims a turn")
    parser.add_argument("--at-once", type=int, nargs="+", default=_AT_ONCE, help="calls at a time")
    parser.add_argument("--rounds", type=int, default=3, help="turns each")
    chosen = parser.parse_args(arguments)
    turns = measure(chosen.claims, chosen.at_once, chosen.rounds)
    for at_once in chosen.at_once:
        same = [turn for turn in turns if turn.at_once == at_once]
        per_s, client, server = (
            statistics.median(getattr(turn, name) for turn in same)
            for name in ("per_s", "client_us", "postgres_us")
        )
        print(
            f"{at_once:3} at once: {per_s:7,.0f} claims/s,"
            f" {client:4.0f} µs a claim here + {server:4.0f} µs in Postgres"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
