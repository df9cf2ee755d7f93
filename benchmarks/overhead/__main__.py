"""``make bench-overhead``: what metrics and traces cost, measured on and off by turns in one run.

Within a round, processes that count, are scraped and trace a tenth of all runs take turns with
processes that do none of it, on the same servers. Prints medians and their ratio, and writes
build/overhead.json. Runs a second swing with the machine; processor time a run is the firm figure.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.support.stack import running
from benchmarks.support.traffic import Traffic
from runfold.infra.process.ready import READY_FILE
from runfold.stack import ports
from runfold.stack.settings import Settings
from runfold.stack.supervisor.plan import Process

_TOPICS = (Process("topics", ("-m", "runfold.stack.prepare"), once=True),)
_MODULES = ("benchmarks.support.stub_processor", "runfold.projections")
_SAMPLED = "0.1"
_SCRAPE_S = 5.0
_READY_S = 60.0
_STOP_S = 30.0


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn came to."""

    observed: bool
    runs_per_s: float
    cpu_ms_per_run: float


class _Sink(BaseHTTPRequestHandler):
    """A collector that keeps nothing."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()
        self.server.requests += 1  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def collector() -> Iterator[ThreadingHTTPServer]:
    """Take traces while the block lasts; ``requests`` counts what came."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    server.requests = 0  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()


@contextmanager
def processes(settings: Settings, endpoint: str | None) -> Iterator[list[psutil.Process]]:
    """Run lanes and projector; with an endpoint they count, are scraped and trace."""
    with ExitStack() as stack:
        found = []
        for module in _MODULES:
            name = module.rpartition(".")[2]
            port = ports.claim(settings.home / "overhead.json", (name,))[name]
            ready = settings.home / f"{name}.ready"
            ready.unlink(missing_ok=True)
            env = {**os.environ, **settings.to_env(), READY_FILE: str(ready)}
            command = [sys.executable, "-m"]
            if endpoint is None:
                command += ["benchmarks.overhead.uninstrumented", module]
            else:
                command.append(module)
                env |= {
                    "RUNFOLD_METRICS_PORT": str(port),
                    "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                    "OTEL_TRACES_SAMPLER": "traceidratio",
                    "OTEL_TRACES_SAMPLER_ARG": _SAMPLED,
                }
                stack.enter_context(_scraping(port))
            log = stack.enter_context((settings.home / f"{name}.log").open("ab"))
            process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
            stack.callback(_stop, process)
            _wait_for(ready, process)
            found.append(psutil.Process(process.pid))
        yield found


@contextmanager
def _scraping(port: int) -> Iterator[None]:
    """Ask for the metrics every few seconds, as Prometheus does."""
    ended = threading.Event()

    def scrape() -> None:
        while not ended.wait(_SCRAPE_S):
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read()

    thread = threading.Thread(target=scrape, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _wait_for(ready: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _READY_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > until:
            said = ready.with_suffix(".log").read_text()[-2000:]
            raise RuntimeError(f"{ready.stem} did not get ready:\n{said}")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def measure(settings: Settings, traffic: Traffic, endpoint: str | None, runs: int) -> Turn:
    """Return what a number of runs take of processes that are warm."""
    with processes(settings, endpoint) as found:
        traffic.run_all(runs // 2)
        before = _cpu_s(found)
        bulk = traffic.run_all(runs)
        used = _cpu_s(found) - before
    return Turn(
        endpoint is not None, round(runs / bulk.projected_s, 1), round(used / runs * 1000, 3)
    )


def _cpu_s(found: Sequence[psutil.Process]) -> float:
    return sum(float(sum(process.cpu_times()[:2])) for process in found)


def by_turns(rounds: int, runs: int) -> list[Turn]:
    """Measure both ways in each round; who goes first alternates."""
    turns = []
    with tempfile.TemporaryDirectory(prefix="runfold-overhead-") as folder, collector() as sink:
        home = Path(folder)
        home.chmod(0o755)
        endpoint = f"http://127.0.0.1:{sink.server_address[1]}"
        with running(home, _TOPICS) as settings:
            traffic = Traffic(settings)
            traffic.publish_definitions()
            for number in range(rounds):
                ways = (endpoint, None) if number % 2 else (None, endpoint)
                turns += [measure(settings, traffic, way, runs) for way in ways]
        if not sink.requests:  # type: ignore[attr-defined]
            raise RuntimeError("no trace came to the collector, so nothing was measured")
    return turns


def summary(turns: Sequence[Turn]) -> dict[str, object]:
    """Return medians on and off, and how much of each figure observing takes."""
    figures: dict[str, object] = {"sampled": _SAMPLED, "turns": [asdict(turn) for turn in turns]}
    for name in ("runs_per_s", "cpu_ms_per_run"):
        on, off = (
            statistics.median(getattr(turn, name) for turn in turns if turn.observed is observed)
            for observed in (True, False)
        )
        cost = off / on - 1 if name == "runs_per_s" else on / off - 1
        figures[name] = {"on": on, "off": off, "overhead_percent": round(100 * cost, 1)}
    return figures


def show(figures: dict[str, object]) -> None:
    """Print the medians as a table."""
    table = Table(title="Metrics and traces of a tenth of all runs, on and off by turns")
    for head in ("median", "on", "off", "overhead"):
        table.add_column(head, justify="left" if head == "median" else "right")
    for name in ("runs_per_s", "cpu_ms_per_run"):
        row = figures[name]
        assert isinstance(row, dict)
        table.add_row(name, str(row["on"]), str(row["off"]), f"{row['overhead_percent']} %")
    Console().print(table)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 0 when it was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns each way")
    parser.add_argument("--runs", type=int, default=600, help="runs a turn")
    chosen = parser.parse_args(arguments)
    figures = summary(by_turns(chosen.rounds, chosen.runs))
    target = Path("build/overhead.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(figures, indent=2) + "\n")
    show(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
