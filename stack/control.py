"""Up, down and status: how others command the supervisor."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runfold.stack.attaching import at, attach, attach_log, status
from runfold.stack.bringing_down import UnderWay, down, hurry, under_way
from runfold.stack.errors import StackError
from runfold.stack.home import Home
from runfold.stack.processes import lock, process
from runfold.stack.settings import Settings
from runfold.stack.spawning import reap, spawn
from runfold.stack.supervisor import plan, state
from runfold.stack.supervisor.supervision import ANOTHER_RUNS, FORGIVE

__all__ = [
    "Running",
    "UnderWay",
    "attach",
    "attach_log",
    "down",
    "hurry",
    "status",
    "under_way",
    "up",
]

_UP_SECONDS = 900.0
_PROCESS_SECONDS = 60.0


@dataclass(frozen=True)
class Running:
    """A stack that is up: its settings with addresses, and whether it was there before."""

    settings: Settings
    pid: int
    found: bool

    @property
    def bootstrap_servers(self) -> str:
        """Where Kafka is."""
        return self.settings.bootstrap_servers

    @property
    def database_url(self) -> str:
        """Where Postgres is, for psycopg and SQLAlchemy alike."""
        return self.settings.database_url


def up(
    settings: Settings,
    processes: Sequence[plan.Process] = (),
    *,
    tied: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Running:
    """Start the stack and wait until everything is ready, or find the one that runs already.

    What a running supervisor has given up is started again. ``tied`` makes the stack go down when
    this process ends, however it ends. Raises StackError with the reason; nothing that was started
    here is left running then.
    """
    home = Home(settings.home)
    if processes:
        # A restore itself starts the servers alone.
        home.need_whole()
    home.prepare()
    if lock.is_taken(home.run / "lock"):
        known = state.read(home.run / "state.json")
        if known is not None and known.is_alive:
            found = _wait(settings, home, None, report)
            _start_given_up(home, report)
            return found
    supervisor = spawn(settings, home, processes, tied=tied)
    try:
        return _wait(settings, home, supervisor, report)
    except BaseException:
        # The caller gives up: so must what it started.
        if supervisor.poll() is None:
            supervisor.terminate()
        reap(home)
        raise


def _wait(
    settings: Settings,
    home: Home,
    supervisor: subprocess.Popen[bytes] | None,
    report: Callable[[str], None],
) -> Running:
    said: set[str] = {""}
    until = time.monotonic() + _UP_SECONDS
    while time.monotonic() < until:
        ended = supervisor.poll() if supervisor else None
        if ended == ANOTHER_RUNS:
            supervisor, ended = None, None
        known = state.read(home.run / "state.json")
        if known is not None and known.is_alive:
            # The detail is overwritten faster than it is read, and the last to begin may be ready
            # by then: every member says that it began.
            begun = known.members if supervisor or known.phase == state.STARTING else ()
            for line in (*(f"starting {each.name}" for each in begun), known.detail):
                if line not in said:
                    said.add(line)
                    report(line)
            if known.phase == state.READY:
                return Running(at(settings, known), known.pid, supervisor is None)
        elif ended is not None or supervisor is None:
            raise StackError(_why(home, known))
        time.sleep(0.02)
    raise StackError(f"The stack was not ready after {_UP_SECONDS:.0f} s; see {home.logs}.")


def _start_given_up(home: Home, report: Callable[[str], None]) -> None:
    """Have started again what was given up, and wait until it works."""
    known = state.read(home.run / "state.json")
    given_up = {m.name: m for m in known.members if m.state == "failed"} if known else {}
    if known is None or not given_up:
        return
    for name, member in given_up.items():
        report(f"{name} had {member.reason}; starting it again")
    os.kill(known.pid, FORGIVE)
    until = time.monotonic() + _PROCESS_SECONDS
    while time.monotonic() < until:
        now = state.read(home.run / "state.json")
        members = [m for m in now.members if m.name in given_up] if now else []
        again = [m for m in members if m.restarts > given_up[m.name].restarts]
        for member in again:
            if member.state == "failed":
                raise StackError(
                    f"{member.name} does not start: {member.reason} (its log is in {home.logs})."
                )
        if len(again) == len(given_up) and all(m.state in {"running", "done"} for m in again):
            return
        time.sleep(0.02)
    names = ", ".join(given_up)
    raise StackError(f"Not ready after {_PROCESS_SECONDS:.0f} s: {names}; see {home.logs}.")


def _why(home: Home, known: state.State | None) -> str:
    if known is not None and known.phase == state.FAILED:
        return known.detail
    if known is not None and known.phase == state.STOPPED:
        return "The stack was stopped before it was ready."
    said = process.tail(home.logs / "supervisor.log")
    return f"The supervisor ended before the stack was ready: {said or 'it did not say why'}"
