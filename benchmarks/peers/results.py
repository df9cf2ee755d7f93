"""Figures of all rounds, and what is written down of them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.peers.contract import System
from benchmarks.peers.errors import NotMeasuredError
from benchmarks.peers.support.host import describe_host
from benchmarks.peers.turn import Figures

FILE = Path("build/peers.json")
SESSION = Path("build/peers.session.json")
_BUSY_PERCENT = 15.0


class Results:
    """What every system showed, or why it shows nothing."""

    def __init__(self, profile: str, rounds: int) -> None:
        self._profile = profile
        self._rounds = rounds
        self._host = describe_host()
        if self._host["busy_percent_before"] > _BUSY_PERCENT:
            busy = f"{self._host['busy_percent_before']:.0f} % busy"
            print(f"Others keep this machine {busy}: what is measured now says little.")
        self._systems: dict[str, dict[str, Any]] = {}
        self._figures: dict[str, list[Figures]] = {}

    @contextmanager
    def reason_of(self, system: System) -> Iterator[None]:
        """Note why a system cannot be measured, and go on with the others."""
        known = {"name": system.name, "title": system.title}
        row = self._systems.setdefault(system.name, known)
        try:
            yield
        except NotMeasuredError as reason:
            row["not_measured"] = str(reason)
            print(f"          {system.title}: not measured: {reason}", flush=True)

    def describe(self, system: System) -> None:
        """Note versions, settings and licence."""
        facts = system.facts()
        self._systems[system.name] |= {
            "versions": dict(facts.versions),
            "settings": facts.settings,
            "licence": facts.licence,
        }
        versions = ", ".join(f"{name} {said}" for name, said in facts.versions.items())
        print(f"          {versions}; {facts.settings}", flush=True)

    def add(self, system: System, figures: Figures) -> None:
        """Note the figures of one turn."""
        self._figures.setdefault(system.name, []).append(figures)

    def measurable(self, systems: list[System]) -> list[System]:
        """Return the systems that nothing speaks against so far."""
        return [system for system in systems if "not_measured" not in self._systems[system.name]]

    def rows(self) -> list[dict[str, Any]]:
        """Return a row a system: its columns with medians, and their ranges."""
        return [row | _summary(self._figures.get(name, [])) for name, row in self._systems.items()]

    def write(self, seconds: float) -> None:
        """Write the rows, and beside them what is said of the session."""
        session = {
            "measured_at": datetime.now(UTC).date().isoformat(),
            "profile": self._profile,
            "rounds": self._rounds,
            "seconds": round(seconds),
            "host": self._host,
        }
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(json.dumps(self.rows(), indent=2) + "\n")
        SESSION.write_text(json.dumps(session, indent=2) + "\n")


def _summary(turns: list[Figures]) -> dict[str, Any]:
    """Return the median of every column, and beside it how far the rounds lie apart."""
    columns = list(dict.fromkeys(column for figures in turns for column in figures))
    values = {column: [f[column] for f in turns if column in f] for column in columns}
    medians = {column: _short(statistics.median(found)) for column, found in values.items()}
    ranges = {c: [_short(min(found)), _short(max(found))] for c, found in values.items()}
    return {**medians, "rounds_measured": len(turns), "ranges": ranges}


def _short(value: float) -> float:
    return round(value, 3 if abs(value) < 10 else 1)
