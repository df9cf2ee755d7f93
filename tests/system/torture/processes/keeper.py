"""The product's processes under torture: started, killed, frozen, and started again when dead."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from runfold.infra.process.failpoints import VARIABLE
from tests.support import warm

_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0


@dataclass
class Kept:
    """One process that is wanted; ``failpoint`` is what its present life dies at.

    While it is not ``wanted``, an end of it is the last one.
    """

    name: str
    arguments: tuple[str, ...]
    env: dict[str, str]
    tree: Path
    log: Path
    partitions: tuple[int, ...] = ()
    process: warm.Started = field(init=False)
    failpoint: str = ""
    next_failpoint: str = ""
    frozen: bool = False
    killed: bool = False
    wanted: bool = True
    ends: Counter[int] = field(default_factory=Counter)
    pids: list[int] = field(default_factory=list)
    _due: float = 0.0
    _died_soon: int = 0
    _started: float = 0.0

    def start(self) -> None:
        """Start it now."""
        self.failpoint, self.next_failpoint = self.next_failpoint, ""
        self.frozen = self.killed = False
        self._started, self._due = time.monotonic(), 0.0
        env = {**os.environ, **self.env, VARIABLE: self.failpoint}
        option, *words = self.arguments
        assert option == "-m", self.arguments
        with self.log.open("ab") as log:
            self.process = warm.start(*words, env=env, tree=self.tree, stdout=log, stderr=log)
        self.pids.append(self.process.pid)

    @property
    def alive(self) -> bool:
        """Whether it runs or is frozen."""
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.killed = True
        elif number in {signal.SIGSTOP, signal.SIGCONT}:
            self.frozen = number == signal.SIGSTOP

    def ended(self) -> int | None:
        """The exit code if it has died since it was last asked."""
        if self._due or self.process.poll() is None:
            return None
        code = self.process.returncode
        self.ends[code] += 1
        # A process that cannot live for a second waits for better times.
        soon = code > 0 and time.monotonic() - self._started < 5
        self._died_soon = self._died_soon + 1 if soon else 0
        pause = min(_PAUSE_S * 2.0**self._died_soon, _LONGEST_PAUSE_S)
        self._due = time.monotonic() + pause
        return code

    def start_if_due(self) -> None:
        """Start it again after the pause that follows its end."""
        if self.wanted and self._due and time.monotonic() >= self._due:
            self.start()

    def stop(self, seconds: float = 25.0) -> int:
        """Ask it to end, insist in the end; the exit code."""
        if self.alive:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


@dataclass(frozen=True, slots=True)
class Death:
    """A process that died: when in epoch seconds, by which fault, with what exit code."""

    at: float
    name: str
    cause: str
    code: int
    partitions: tuple[int, ...] = ()


class Keeper:
    """All of them; ``tend`` often."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []
        self.deaths: list[Death] = []
        self.harmed: set[int] = set()

    def add(self, kept: Kept) -> Kept:
        """Start one more."""
        kept.start()
        self.kept.append(kept)
        return kept

    def of(self, name: str) -> list[Kept]:
        """Those of one kind that live and are not frozen."""
        return [one for one in self.kept if one.name == name and one.alive and not one.frozen]

    def tend(self) -> None:
        """Note who died, and start again who is due."""
        for one in self.kept:
            code = one.ended()
            if code is not None:
                self._note(one, code)
            one.start_if_due()

    def release(self, one: Kept) -> None:
        """Keep it no longer; it may still run."""
        if one in self.kept:
            self.kept.remove(one)

    def _note(self, one: Kept, code: int) -> None:
        cause = "kill" if one.killed else "exit"
        if code == -signal.SIGKILL:
            cause = "kill" if one.killed else f"failpoint {one.failpoint.partition(':')[0]}"
            self.harmed.add(one.process.pid)
        self.deaths.append(Death(time.time(), one.name, cause, code, one.partitions))

    def stop_all(self) -> list[tuple[str, int]]:
        """End everything by SIGTERM; names and exit codes."""
        return [(one.name, one.stop()) for one in self.kept]

    def kill_all(self) -> None:
        """End everything at once."""
        for one in self.kept:
            with suppress(ProcessLookupError):
                one.process.kill()
            one.process.wait()
