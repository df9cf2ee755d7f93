"""A peer that is a library on Postgres, such as DBOS Transact and LangGraph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from benchmarks.peers.agent.work import LEDGER, Load
from benchmarks.peers.contract import Done, Facts, Place
from benchmarks.peers.profile import Scope
from benchmarks.peers.support import environment, meters
from benchmarks.peers.support.database import Database
from benchmarks.peers.support.workers import Workers

_WORKERS = 2
"""As many as the small machine has cores: each is one interpreter."""


@dataclass
class PostgresPeer:
    """One library: the module of its worker, its packages, how it is set up."""

    name: str
    title: str
    module: str
    packages: tuple[str, ...]
    settings: str
    scope: Scope = Scope.ALL
    _database: Database | None = None
    _workers: Workers | None = None

    def __post_init__(self) -> None:
        """Number its runs."""
        self._numbers = count(1)

    def install(self) -> None:
        """Make the peers' environment."""
        environment.install_python()

    def facts(self) -> Facts:
        """Return versions and settings."""
        shared = f"{_WORKERS} worker processes on the Postgres that Runfold brings, same settings"
        found = environment.versions(*self.packages)
        return Facts(found, f"{self.settings}; {shared}", "MIT")

    def start(self, place: Place) -> None:
        """Start Postgres and the workers."""
        self._database = Database(place.home / "stack")
        told = {
            LEDGER: str(place.ledger.path),
            "RUNFOLD_BENCH_DATABASE": self._database.url,
        }
        self._workers = Workers(self.module, _WORKERS, told, place.home)
        self._workers.start()

    def run(self, count: int, at_once: int, load: Load) -> Done:
        """Make the runs."""
        assert self._workers is not None
        run_ids = [f"run-{next(self._numbers):08d}" for _ in range(count)]
        return self._workers.run(run_ids, at_once, load.goal())

    def kill_workers(self) -> None:
        """Kill the workers."""
        assert self._workers is not None
        self._workers.kill()

    def start_workers(self) -> None:
        """Start them; runs that were under way go on."""
        assert self._workers is not None
        self._workers.start()

    def pids(self) -> Mapping[str, list[int]]:
        """Return the processes by part."""
        assert self._workers is not None
        assert self._database is not None
        return {"worker": self._workers.pids(), "store": [self._database.pid]}

    def bytes_at_rest(self) -> Mapping[str, int]:
        """Return the size of the database."""
        assert self._database is not None
        return {"record": meters.database_bytes(self._database.url)}

    def stop(self) -> None:
        """End workers and server."""
        if self._workers is not None:
            self._workers.stop()
        if self._database is not None:
            self._database.stop()
        self._workers = self._database = None
