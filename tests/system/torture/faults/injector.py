"""Carries faults out, and ends those that last."""

from __future__ import annotations

import heapq
import itertools
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random

import psycopg

from tests.system.torture.faults.plan import RUNS, Fault
from tests.system.torture.faults.worlds import WorldFaults
from tests.system.torture.processes.keeper import Keeper, Kept
from tests.system.torture.servers.servers import Servers, backends, end_log_segments, full
from tests.system.torture.simulation.people import FROZEN

Spawn = Callable[[str, Sequence[int]], Kept]


class Injector:
    """Does what a plan says; ``spawn`` starts one more process of a kind.

    ``worlds``, set before the first fault, does those that belong to a world of their own.
    """

    worlds: WorldFaults

    def __init__(
        self, keeper: Keeper, servers: Servers, folder: Path, spawn: Spawn, seed: str
    ) -> None:
        self._keeper = keeper
        self._servers = servers
        self._folder = folder
        self._spawn = spawn
        self._choice = Random(f"{seed}/victims")
        self._order = itertools.count()
        self._ends: list[tuple[float, int, Callable[[], None]]] = []
        self._frozen: Counter[int] = Counter()
        self._away: Counter[int] = Counter()
        self.done: list[tuple[float, Fault]] = []
        self.kills = 0
        self.buried: list[int] = []
        self.disturbed: list[tuple[float, float]] = []

    def inject(self, fault: Fault) -> None:
        """Begin a fault; one whose victim is not there is passed over."""
        own = getattr(self, f"_{fault.kind}", None)
        begun = own(fault) if own else getattr(self.worlds, fault.kind)(fault)
        if begun is not False:
            self.done.append((time.time(), fault))

    def end_due(self, *, everything: bool = False) -> None:
        """End what has lasted long enough."""
        if everything:
            # What looks whether it may end looks again later.
            due, self._ends = sorted(self._ends, key=lambda end: end[:2]), []
            for _, _, do in due:
                do()
        while self._ends and self._ends[0][0] <= time.monotonic():
            heapq.heappop(self._ends)[2]()

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something in so many seconds."""
        heapq.heappush(self._ends, (time.monotonic() + seconds, next(self._order), do))

    def _disturbs(self, seconds: float) -> None:
        """Something else holds runs up: recovery is not timed meanwhile."""
        self.disturbed.append((time.time(), time.time() + seconds + 3))

    def _victim(self, name: str) -> Kept | None:
        there = self._keeper.of(name)
        return self._choice.choice(there) if there else None

    def _kill(self, fault: Fault) -> bool:
        victim = self._victim(fault.target)
        if victim is None:
            return False
        victim.signal(signal.SIGKILL)
        self.kills += 1
        return True

    def _failpoint(self, fault: Fault) -> bool:
        victim = self._victim(fault.target)
        if victim is None:
            return False
        victim.next_failpoint = fault.detail
        victim.signal(signal.SIGKILL)
        self.kills += 1
        return True

    def _term(self, fault: Fault) -> bool:
        victim = self._victim(fault.target)
        if victim is None:
            return False
        victim.signal(signal.SIGTERM)
        return True

    def _freeze(self, fault: Fault) -> bool:
        victim = self._victim(fault.target)
        if victim is None:
            return False
        pid = victim.process.pid
        self._stop(pid)
        victim.signal(signal.SIGSTOP)
        if fault.target == RUNS:
            self._disturbs(fault.seconds)

        def thaw() -> None:
            self._continue(pid)
            if victim.process.pid == pid:
                victim.signal(signal.SIGCONT)

        self.later(fault.seconds, thaw)
        return True

    def _zombie(self, fault: Fault) -> bool:
        """Freeze an owner, let another one take over, wake the first."""
        victim = self._victim(fault.target)
        if victim is None:
            return False
        pid = victim.process.pid
        self._stop(pid)
        victim.signal(signal.SIGSTOP)
        self._keeper.release(victim)
        self._spawn(fault.target, victim.partitions)
        if fault.target == RUNS:
            self._disturbs(fault.seconds + 12)

        def bury() -> None:
            with suppress(ProcessLookupError):
                victim.process.kill()
            self.buried.append(victim.process.wait())

        def wake() -> None:
            self._continue(pid)
            victim.signal(signal.SIGCONT)
            self.later(10, bury)

        self.later(fault.seconds, wake)
        return True

    def _member(self, fault: Fault) -> bool:
        joined = self._spawn(fault.target, ())
        self._disturbs(fault.seconds)

        def leave() -> None:
            self._keeper.release(joined)
            if fault.detail == "KILL":
                self.kills += 1
                self._keeper.harmed.add(joined.process.pid)
                joined.process.kill()
            else:
                joined.process.terminate()
            self.later(20, joined.process.kill)
            self.later(20, lambda: _reap(joined))

        self.later(fault.seconds, leave)
        return True

    def _broker(self, fault: Fault) -> bool:
        victim = int(fault.target)
        process = self._servers.brokers[victim].process
        if process is None or not self._may_lose(victim):
            return False
        number = getattr(signal, f"SIG{fault.detail}")
        self._disturbs(fault.seconds + 6)
        os.kill(process.pid, number)
        if number == signal.SIGSTOP:
            self._leave(victim, fault.seconds, lambda: _continue(process.pid))
        else:
            self.kills += number == signal.SIGKILL
        return True

    def _may_lose(self, victim: int) -> bool:
        """Whether every broker is there, so that enough are left, and a slow one comes back."""
        there = all(member.state == "running" for member in self._servers.brokers)
        return there and not self._away.keys() - {victim}

    def _leave(self, broker: int, seconds: float, back: Callable[[], None]) -> None:
        """Count a broker as away for so long."""
        self._away[broker] += 1

        def end() -> None:
            back()
            self._away -= Counter({broker: 1})

        self.later(seconds, end)

    def _disk(self, fault: Fault) -> bool:
        """Fill the disk of a server, and give the room back."""
        if fault.target == "kafka":
            victim = int(fault.detail)
            disk = self._servers.disks.get(f"kafka{victim + 1}")
            if disk is None or not self._may_lose(victim):
                return False
            self._disturbs(fault.seconds + 10)
            self._leave(victim, fault.seconds, disk.free)
            disk.fill()
            return True
        disk = self._servers.disks.get("postgres")
        if disk is None:
            return False
        disk.fill()
        if fault.detail == "log":
            end_log_segments(self._servers.settings.database_url)
        self.later(fault.seconds, disk.free)
        return True

    def _promote(self, fault: Fault) -> bool:
        """Kill the first database for good; the standby takes over once that is noticed."""
        if self._servers.standby is None or self._servers.standby.state != "running":
            return False
        self._servers.lose()
        self.kills += 1
        self.later(fault.seconds, self._servers.promote)
        return True

    def _postgres(self, fault: Fault) -> bool:
        process = self._servers.postgres.process
        if process is None:
            return False
        if fault.detail == "connections":
            held = ExitStack()
            with suppress(psycopg.Error):
                held.enter_context(full(self._servers.settings.database_url))
            self.later(fault.seconds, held.close)
            return True
        victims = backends(process.pid) if fault.detail == "backend" else [process.pid]
        if not victims:
            return False
        with suppress(ProcessLookupError):
            os.kill(self._choice.choice(victims), signal.SIGKILL)
            self.kills += 1
        return True

    def _proxy(self, fault: Fault) -> bool:
        how, _, what = fault.detail.partition(" ")
        said: dict[str, object] = {"cut": what or True}
        if how in {"hold", "late"}:
            said = {how: what, "seconds": fault.seconds}
        elif how == "delay":
            said = {"delay": 0.3, "seconds": fault.seconds}
        self._disturbs(fault.seconds)
        self._servers.harm(json.dumps(said))
        return True

    def _clock(self, fault: Fault) -> bool:
        file = self._folder / "clock"
        file.write_text(str(fault.seconds))
        self.later(10, lambda: _write(file, "0"))
        return True

    def _stop(self, pid: int) -> None:
        self._frozen[pid] += 1
        self._keeper.harmed.add(pid)
        (self._folder / FROZEN).touch()

    def _continue(self, pid: int) -> None:
        self._frozen -= Counter({pid: 1})
        if not self._frozen:
            (self._folder / FROZEN).unlink(missing_ok=True)


def _continue(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def _write(file: Path, text: str) -> None:
    file.write_text(text)


def _reap(kept: Kept) -> None:
    kept.process.wait()
