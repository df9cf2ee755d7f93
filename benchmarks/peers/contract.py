"""What the benchmark asks of every system: the port that one module a system implements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.peers.agent.work import Load
from benchmarks.peers.ledger import Ledger
from benchmarks.peers.profile import Scope


@dataclass(frozen=True, slots=True)
class Place:
    """Where a system may keep its files for one turn: empty, gone afterwards."""

    home: Path
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class Done:
    """Runs that have all ended: their ids, seconds in all, and each run's own seconds."""

    run_ids: tuple[str, ...]
    seconds: float
    each: tuple[float, ...] = field(repr=False, default=())


@dataclass(frozen=True, slots=True)
class Facts:
    """What a reader must know of a system: versions, how it was set up, and its licence."""

    versions: Mapping[str, str]
    settings: str
    licence: str


class System(Protocol):
    """A durable runtime that can be brought up, given runs, killed and measured.

    Between ``start`` and ``stop`` it is one server with its store, and workers that make the calls
    of ``benchmarks.peers.agent.work``. Every method raises NotMeasuredError where it cannot do its
    part.
    """

    name: str
    title: str
    scope: Scope
    """Which cases it is measured with."""

    def install(self) -> None:
        """Fetch what it needs into ``build/peers``, once; quick when it is there."""

    def facts(self) -> Facts:
        """Return what is installed and how it is set up."""

    def start(self, place: Place) -> None:
        """Bring up servers and workers, and wait until they take runs."""

    def run(self, count: int, at_once: int, load: Load) -> Done:
        """Make so many runs, at most so many in flight, and return when all have ended.

        May be called from a thread while ``kill_workers`` and ``start_workers`` are called from
        the main thread: then the runs end after that.
        """

    def kill_workers(self) -> None:
        """Send SIGKILL to every process that makes calls or decides about them."""

    def start_workers(self) -> None:
        """Start them again at once, as a supervisor would."""

    def pids(self) -> Mapping[str, list[int]]:
        """Return the processes by part; the first word of a part is ``worker`` or ``store``."""

    def bytes_at_rest(self) -> Mapping[str, int]:
        """Return what is on disk by part; ``record`` is what a run could be told from."""

    def stop(self) -> None:
        """End every process that ``start`` began; never raises for what is gone already."""
