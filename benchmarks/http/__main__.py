"""``make bench-http``: how fast a gateway is; build/http.json.

1. asking: ``POST /runs`` over 1 and 16 connections, each asking again when it is answered, and RATE
   requests a second offered to 16 connections whatever becomes of them; while nothing else is done,
   and while the runs are processed on the same cores
2. reading: ``GET /runs/{id}`` and its events, of a run that has ended and of one that lives, while
   the journal of the last minutes is full of others
3. streams: the age of events at 1,000 listeners, of a hundred runs and all of one; 10,000 idle ones
4. pages: a page of 50 runs with ROWS runs in the tables

Clients are processes of their own, on the same machine. Times swing with it: processor time a
request is the firm figure. ``--take`` also writes docs/performance/gateway.md.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.http.world import Door, Journal, Measured, process
from benchmarks.performance.gateway_page import take
from benchmarks.support.figures import keep
from benchmarks.support.stack import PROCESSES, running
from benchmarks.support.traffic import Traffic
from benchmarks.support.trend import percentile
from benchmarks.support.workload import AGENT
from benchmarks.tables.bulk_load import fill_table
from runfold.producers.identity import uuid7
from runfold.projections import schema
from runfold.projections.tables import runs
from runfold.stack.settings import Settings

_BODY = json.dumps({"goal": "Look five things up.", "agent": AGENT, "labels": {"team": "red"}})
_SETTLE_S = 2.0
_RUN_S = 120.0
_OTHERS = 100_000
"""Events of other runs that stand in the journal beside the one that is read."""

Tell = Callable[[str, Measured | dict[str, Any]], None]


def asking(door: Door, seconds: float, tell: Tell, beside: str) -> None:
    """Measure requests for runs, and one run that lives."""
    for connections in (1, 16):
        found = door.ask("POST", "/runs", connections, seconds, _BODY)
        tell(f"POST /runs, {connections} connections, {beside}", found)


def offered(door: Door, rate: float, seconds: float, tell: Tell, beside: str) -> None:
    """Measure requests for runs that come at a fixed rate."""
    found = door.offer("POST", "/runs", 16, rate, seconds, _BODY)
    tell(f"POST /runs, {rate:g}/s offered to 16 connections, {beside}", found)


def reading(settings: Settings, door: Door, journal: Journal, seconds: float, tell: Tell) -> None:
    """Measure looks at one run that has ended, and at one that lives."""
    with ExitStack() as beside:
        beside.enter_context(process(settings, "benchmarks.support.stub_processor"))
        beside.enter_context(process(settings, "runfold.projections"))
        ended = _ended(settings, door)
    events = journal.events_of(settings, ended)
    lives = uuid7()
    journal.copy(lives, events[:-2])
    for _ in range(_OTHERS // 50):
        journal.copy(uuid7(), events[:-2])
    journal.flush()
    for state, run_id in (("ended", ended), ("live", lives)):
        tell(f"GET /runs/{{id}}, {state}", door.ask("GET", f"/runs/{run_id}", 1, seconds))
        path = f"/runs/{run_id}/events"
        tell(f"GET /runs/{{id}}/events, {state}", door.ask("GET", path, 1, seconds))


def _ended(settings: Settings, door: Door) -> str:
    """Return a run that has ended, as the views know too."""
    run_id = str(door.json("POST", "/runs", _BODY)["run_id"])
    until = time.monotonic() + _RUN_S
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        asked = "SELECT exit_status FROM runs WHERE run_id = %s"
        while (row := connection.execute(asked, (run_id,)).fetchone()) is None or row[0] is None:
            if time.monotonic() > until:
                raise RuntimeError("the run did not end in time")
            time.sleep(0.1)
    return run_id


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
    with closing(Traffic(settings)) as traffic:
        # Without them every run is refused, which costs next to nothing.
        traffic.publish_definitions()
    with process(settings, "runfold.surfaces.http", "--development") as gateway:
        door = Door.of(gateway, settings.home)
        door.ask("POST", "/runs", 4, 1, _BODY)
        wanted = given.only
        journal = Journal(settings)
        if "reading" in wanted:
            reading(settings, door, journal, given.seconds, tell)
        if "asking" in wanted:
            asking(door, given.seconds, tell, "alone")
            offered(door, given.rate, given.seconds, tell, "alone")
            with ExitStack() as beside:
                beside.enter_context(process(settings, "benchmarks.support.stub_processor"))
                beside.enter_context(process(settings, "runfold.projections"))
                asking(door, given.seconds, tell, "runs processed")
                offered(door, given.rate, given.seconds, tell, "runs processed")
        if "streams" in wanted:
            streams(door, journal, given.listeners, given.events, tell)
        if "idle" in wanted:
            idle(door, journal, given.idle, tell)
        if "pages" in wanted:
            pages(settings, door, given.rows, given.seconds, tell)


def _told(found: Measured) -> dict[str, Any]:
    return {name: value for name, value in asdict(found).items() if value is not None}


def main() -> None:
    """Measure, print a table, and keep the figures."""
    parts = ("reading", "asking", "streams", "idle", "pages")
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=float, default=10)
    words.add_argument("--rate", type=float, default=600, help="requests a second offered")
    words.add_argument("--listeners", type=int, default=1_000)
    words.add_argument("--events", type=int, default=400)
    words.add_argument("--idle", type=int, default=10_000)
    words.add_argument("--rows", type=int, default=1_000_000)
    words.add_argument("--only", nargs="*", choices=parts, default=parts)
    words.add_argument("--take", action="store_true", help="write the page from the figures")
    given = words.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    figures: dict[str, Any] = {}

    def tell(name: str, found: Measured | dict[str, Any]) -> None:
        figures[name] = found if isinstance(found, dict) else _told(found)
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
    if given.take:
        take("http")


if __name__ == "__main__":
    main()
