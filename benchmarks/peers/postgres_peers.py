"""The peers that are a library on Postgres: DBOS Transact and LangGraph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from benchmarks.peers import environment, meters
from benchmarks.peers.contract import Done, Facts, Place
from benchmarks.peers.crew import Crew
from benchmarks.peers.database import Database
from benchmarks.peers.profile import Scope
from benchmarks.peers.work import LEDGER, Load

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
    _crew: Crew | None = None

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
        self._crew = Crew(self.module, _WORKERS, told, place.home)
        self._crew.start()

    def run(self, count: int, at_once: int, load: Load) -> Done:
        """Make the runs."""
        assert self._crew is not None
        run_ids = [f"run-{next(self._numbers):08d}" for _ in range(count)]
        return self._crew.run(run_ids, at_once, load.goal())

    def kill_workers(self) -> None:
        """Kill the workers."""
        assert self._crew is not None
        self._crew.kill()

    def start_workers(self) -> None:
        """Start them; runs that were under way go on."""
        assert self._crew is not None
        self._crew.start()

    def pids(self) -> Mapping[str, list[int]]:
        """Return the processes by part."""
        assert self._crew is not None
        assert self._database is not None
        return {"worker": self._crew.pids(), "store": [self._database.pid]}

    def bytes_at_rest(self) -> Mapping[str, int]:
        """Return the size of the database."""
        assert self._database is not None
        return {"record": meters.database_bytes(self._database.url)}

    def stop(self) -> None:
        """End workers and server."""
        if self._crew is not None:
            self._crew.stop()
        if self._database is not None:
            self._database.stop()
        self._crew = self._database = None


def peers() -> tuple[PostgresPeer, ...]:
    """Return both libraries."""
    return (
        PostgresPeer(
            "dbos",
            "DBOS + Postgres",
            "dbos_worker",
            ("dbos", "psycopg", "sqlalchemy"),
            "asynchronous workflows called directly, a step a call, default pool",
        ),
        PostgresPeer(
            "langgraph",
            "LangGraph + PostgresSaver",
            "langgraph_worker",
            ("langgraph", "langgraph-checkpoint-postgres", "psycopg"),
            'AsyncPostgresSaver, durability="sync", 10 savers a process, a connection each; '
            "after a kill the worker invokes the open threads again",
        ),
    )
