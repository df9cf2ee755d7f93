"""``make bench-http``: how fast a gateway is; build/http.json.

1. asking: ``POST /runs`` over 1 and 16 connections, while nothing else is done, and while the runs
   are processed on the same cores; ``GET /runs/{id}`` of a run that lives
2. streams: the age of events at 1,000 listeners, of a hundred runs and all of one; 10,000 idle ones
3. pages: a page of 50 runs with ROWS runs in the tables

Clients are processes of their own, on the same machine. Times swing with it: processor time a
request is the firm figure.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.http.world import Door, Journal, Measured, process
from benchmarks.support.figures import keep
from benchmarks.support.stack import PROCESSES, running
from benchmarks.support.trend import percentile
from benchmarks.support.workload import AGENT
from benchmarks.tables.bulk_load import fill_table
from runfold.producers.identity import uuid7
from runfold.projections import schema
from runfold.projections.tables import runs
from runfold.stack.settings import Settings

_BODY = json.dumps({"goal": "Look five things up.", "agent": AGENT, "labels": {"team": "red"}})
_SETTLE_S = 2.0

Tell = Callable[[str, Measured | dict[str, Any]], None]


def asking(door: Door, seconds: float, tell: Tell, beside: str) -> None:
    """Measure requests for runs, and one run that lives."""
    for connections in (1, 16):
        found = door.ask("POST", "/runs", connections, seconds, _BODY)
        tell(f"POST /runs, {connections} connections, {beside}", found)


def live(door: Door, journal: Journal, seconds: float, tell: Tell) -> None:
    """Measure a look at a run that lives: it has been there for a while."""
    run_id = uuid7()
    for _ in range(50):
        journal.put(run_id)
    journal.flush()
    tell("GET /runs/{id}/events of 50, live", door.ask("GET", f"/runs/{run_id}/events", 1, seconds))


def streams(door: Door, journal: Journal, listeners: int, events: int, tell: Tell) -> None:
    """Measure how old events are at many listeners."""
    for of in (100, 1):
        found = [uuid7() for _ in range(of)]
        for run_id in found:
            journal.put(run_id)
        journal.flush()
        before = door.cpu_s()
        with door.listening(
            [f"/runs/{run_id}/events" for run_id in found], listeners // of
        ) as ages:
            opened = door.cpu_s()
            for number in range(events):
                journal.put(found[number % of])
                # One a tick: ten listeners hear each, or all of them.
                time.sleep(0.01 if of > 1 else 0.25)
            journal.flush()
            time.sleep(1)
        told = (door.cpu_s() - opened) * 1000 / max(1, len(ages))
        tell(
            f"{listeners} listeners of {of} runs",
            {
                "heard": len(ages),
                "p50_ms": percentile(ages, 50),
                "p99_ms": percentile(ages, 99),
                "cpu_ms": round(told, 3),
                "cpu_ms_to_open": round((opened - before) * 1000 / listeners, 2),
            },
        )


def idle(door: Door, journal: Journal, listeners: int, tell: Tell) -> None:
    """Measure what many listeners cost to whom nothing happens."""
    run_id = uuid7()
    journal.put(run_id)
    journal.flush()
    before = door.rss_mb()
    with door.listening([f"/runs/{run_id}/events"], listeners):
        time.sleep(_SETTLE_S)
        used = door.cpu_s()
        time.sleep(10)
        spent = door.cpu_s() - used
        after = door.rss_mb()
    tell(
        f"{listeners} idle listeners",
        {
            "rss_mb": after,
            "kb_each": round((after - before) * 1000 / listeners, 1),
            "cores": round(spent / 10, 3),
        },
    )


def pages(settings: Settings, door: Door, rows: int, seconds: float, tell: Tell) -> None:
    """Measure pages of lists in large tables."""
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        fill_table(connection, runs, rows, 1, {"tenant_id": "'default'"})
        connection.execute("VACUUM (ANALYZE) runs")
    for path in ("/runs?limit=50", "/runs?limit=50&status=waiting_for_human"):
        tell(f"GET {path}, {rows:,} runs", door.ask("GET", path, 1, seconds))


def measured(settings: Settings, given: argparse.Namespace, tell: Tell) -> None:
    """Measure all that is asked for."""
    schema.ensure(settings.database_url)
    with process(settings, "runfold.surfaces.http", "--development") as gateway:
        door = Door.of(gateway, settings.home)
        door.ask("POST", "/runs", 4, 1, _BODY)
        wanted = given.only
        if "asking" in wanted:
            asking(door, given.seconds, tell, "alone")
            with ExitStack() as beside:
                beside.enter_context(process(settings, "benchmarks.support.stub_processor"))
                beside.enter_context(process(settings, "runfold.projections"))
                asking(door, given.seconds, tell, "runs processed")
        journal = Journal(settings)
        if "live" in wanted:
            live(door, journal, given.seconds, tell)
        if "streams" in wanted:
            streams(door, journal, given.listeners, given.events, tell)
        if "idle" in wanted:
            idle(door, journal, given.idle, tell)
        if "pages" in wanted:
            pages(settings, door, given.rows, given.seconds, tell)


def main() -> None:
    """Measure, print a table, and keep the figures."""
    parts = ("asking", "live", "streams", "idle", "pages")
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=float, default=10)
    words.add_argument("--listeners", type=int, default=1_000)
    words.add_argument("--events", type=int, default=400)
    words.add_argument("--idle", type=int, default=10_000)
    words.add_argument("--rows", type=int, default=1_000_000)
    words.add_argument("--only", nargs="*", choices=parts, default=parts)
    given = words.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    figures: dict[str, Any] = {}

    def tell(name: str, found: Measured | dict[str, Any]) -> None:
        figures[name] = asdict(found) if isinstance(found, Measured) else found
        print(f"  {name}: {figures[name]}", flush=True)

    with (
        tempfile.TemporaryDirectory(prefix="runfold-bench-http-") as home,
        running(Path(home), PROCESSES[:1]) as settings,
    ):
        measured(settings, given, tell)
    table = Table("what", "figures", title="The gateway")
    for name, found in figures.items():
        table.add_row(name, "  ".join(f"{key} {value}" for key, value in found.items()))
    Console().print(table)
    print(f"  figures: {keep('http', figures)}")


if __name__ == "__main__":
    main()
