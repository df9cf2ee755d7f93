"""What the processes of a stack use: processor time, memory, bytes on disk."""

from __future__ import annotations

from pathlib import Path

import psutil

from runfold.stack import control
from runfold.stack.processes.usage import memory_bytes
from runfold.stack.settings import Settings


class Processes:
    """The members of a running stack with their children."""

    def __init__(self, settings: Settings) -> None:
        """Find them; raises RuntimeError where no stack runs."""
        state = control.status(settings)
        if state is None:
            raise RuntimeError("no stack is running")
        self._members = {
            member.name: psutil.Process(member.pid) for member in state.members if member.pid
        }

    @property
    def names(self) -> list[str]:
        """The members' names."""
        return list(self._members)

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor time each member and its children have used."""
        return {name: sum(map(_cpu, _family(process))) for name, process in self._members.items()}

    def cpu_seconds_of(self, name: str) -> float:
        """Return the processor time of a member with its children, those that ended included."""
        member = self._members[name]
        times = member.cpu_times()
        ended = float(times.children_user + times.children_system)
        return ended + sum(map(_cpu, _family(member)))

    def rss_mb(self) -> dict[str, int]:
        """Return the resident memory of each member with its children in MB; shared
        memory counts once a process.
        """
        return {
            name: round(sum(p.memory_info().rss for p in _family(process)) / 1e6)
            for name, process in self._members.items()
        }


def pss_mb(settings: Settings) -> dict[str, float]:
    """Return the memory of each member that runs now in MB, shared pages counted once."""
    state = control.status(settings)
    members = state.members if state is not None else []
    return {
        member.name: round(memory_bytes(member.pid) / 1e6, 1) for member in members if member.pid
    }


def journal_bytes(home: Path) -> int:
    """Return the size of the journal's segments on disk."""
    return sum(file.stat().st_size for file in home.rglob("runs.events-*/*.log"))


def backend_seconds(pid: int) -> float:
    """Return the processor time one process has used, to the nanosecond where Linux tells it."""
    told = Path(f"/proc/{pid}/schedstat")
    if told.exists():
        return int(told.read_text().split()[0]) / 1e9
    return _cpu(psutil.Process(pid))


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
