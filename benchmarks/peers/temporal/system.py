"""Temporal: its server built from the Go module proxy, its Python SDK, activities for calls."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

from benchmarks.peers.agent.work import LEDGER, Load
from benchmarks.peers.contract import Done, Facts, Place
from benchmarks.peers.profile import Scope
from benchmarks.peers.support import environment, meters, servers
from benchmarks.peers.support.database import Database
from benchmarks.peers.support.workers import Workers
from benchmarks.peers.temporal.server import DATABASE, SEARCH, VERSION, TemporalServer
from runfold.stack.processes import process

_WORKERS = 2
_ADDRESS = "RUNFOLD_BENCH_TEMPORAL"


@dataclass
class Temporal:
    """One server process on Postgres, two workers, one client."""

    name: str = "temporal"
    title: str = "Temporal + Postgres"
    scope: Scope = Scope.FEW
    _workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _database: Database | None = None
    _server: TemporalServer | None = None
    _client: Workers | None = None
    _place: Place | None = None

    def __post_init__(self) -> None:
        """Number its runs."""
        self._numbers = count(1)

    def install(self) -> None:
        """Build the server, which takes minutes the first time, and install the SDK."""
        environment.install_python()
        environment.install_go()

    def facts(self) -> Facts:
        """Return versions and settings."""
        return Facts(
            {"temporal server": VERSION, **environment.versions("temporalio")},
            "server with 4 history shards, its record on the Postgres that Runfold brings with 20 "
            "connections, its search in SQLite; "
            f"{_WORKERS} worker processes; every call an activity",
            "MIT",
        )

    def start(self, place: Place) -> None:
        """Start Postgres, server, workers and client."""
        self._place = place
        self._database = Database(place.home / "stack")
        self._server = TemporalServer(place.home, self._database.url)
        self._client = Workers("temporal_client", 1, {_ADDRESS: self._server.address}, place.home)
        self._client.start()
        self.start_workers()

    def run(self, count: int, at_once: int, load: Load) -> Done:
        """Make the runs."""
        assert self._client is not None
        run_ids = [f"run-{next(self._numbers):08d}" for _ in range(count)]
        return self._client.run(run_ids, at_once, load.goal())

    def kill_workers(self) -> None:
        """Kill the workers."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.wait()

    def start_workers(self) -> None:
        """Start them; the server gives them what is open."""
        assert self._place is not None
        assert self._server is not None
        told = {
            LEDGER: str(self._place.ledger.path),
            _ADDRESS: self._server.address,
            "PYTHONPATH": str(environment.ROOT),
        }
        command = [str(environment.PYTHON), "-m", "benchmarks.peers.temporal.worker"]
        log = self._place.home / "worker.log"
        self._workers = [
            servers.start(command, log, environment.ROOT, told) for _ in range(_WORKERS)
        ]

    def pids(self) -> Mapping[str, list[int]]:
        """Return the processes by part."""
        assert self._server is not None
        assert self._database is not None
        return {
            "worker": [worker.pid for worker in self._workers],
            "store server": [self._server.process.pid],
            "store postgres": [self._database.pid],
        }

    def bytes_at_rest(self) -> Mapping[str, int]:
        """Return the size of the database, and of the index for searching."""
        assert self._database is not None
        assert self._place is not None
        base = self._database.url.rpartition("/")[0]
        return {
            "record": meters.database_bytes(f"{base}/{DATABASE}"),
            "search": meters.files_bytes(self._place.home, f"{SEARCH}*"),
        }

    def stop(self) -> None:
        """End everything."""
        if self._client is not None:
            self._client.stop()
        started = [*self._workers, *([self._server.process] if self._server else [])]
        for each in started:
            process.stop(each, signal.SIGKILL, 10.0)
        if self._database is not None:
            self._database.stop()
        self._workers, self._client, self._server, self._database = [], None, None, None
