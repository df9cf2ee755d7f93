"""One process under supervision: started, started again with growing pauses, given up, stopped.

| state | left when |
|---|---|
| starting | it is ready, or has ended |
| running | it has ended |
| waiting | its pause is over; one that cannot be started waits as one that ended does |
| stopping | it is gone; it is killed when its time is over |
| stopped | whoever had asked it to end starts it; where that fails it is waiting |
| failed | it has rested, or is forgiven; forgiven only, where it refused or is done once |
| done | never |
"""

from __future__ import annotations

import errno
import signal
import subprocess
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from runfold.infra.settings.recorded import Recorded
from runfold.stack.errors import NoRoomError, StackError
from runfold.stack.processes import process
from runfold.stack.supervisor.state import MemberState

_NEVER = float("inf")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Program(Protocol):
    """What can be supervised."""

    @property
    def name(self) -> str:
        """Unique in a home."""

    @property
    def once(self) -> bool:
        """Whether it has done its work when it ends with 0."""

    @property
    def stop_signal(self) -> int:
        """How it is asked to end."""

    @property
    def stop_seconds(self) -> float:
        """How long it may take to end."""

    def start(self) -> subprocess.Popen[bytes]:
        """Start it; raises StackError where that is impossible."""

    def is_ready(self) -> bool:
        """Whether it does its work."""

    def why_it_ended(self) -> str:
        """The telling line of its log."""

    def why_it_was_killed(self) -> str:
        """What its log says of a signal that ended it, nothing where that came from outside."""

    def stopped(self, *, cleanly: bool) -> None:
        """Called once it is gone."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Pauses double from ``first`` to ``longest`` seconds; so many ``ends`` a ``window`` do.

    After a life of ``sound`` seconds the pause is the first one again. What was given up is tried
    again after ``rest`` seconds: its cause may be gone.
    """

    first: float = 0.1
    longest: float = 5.0
    ends: int = 6
    window: float = 60.0
    sound: float = 4.0
    rest: float = 300.0


@dataclass
class Member:
    """A program and its present process."""

    program: Program
    patience: Patience = field(default_factory=Patience)
    state: str = "stopped"
    restarts: int = 0
    reason: str = ""
    due: float = 0.0
    process: subprocess.Popen[bytes] | None = None
    refused: bool = False
    settings: Recorded | None = None
    _insist_at: float = 0.0
    _since: float = 0.0
    _born: float = 0.0
    _back_at: float = _NEVER
    _hasty: int = 0
    _ends: deque[float] = field(default_factory=deque)

    def start(self) -> None:
        """Start the program now."""
        self.process, self.refused = self.program.start(), False
        self.state, self._since, self._born = "starting", time.time(), time.monotonic()

    def start_afresh(self) -> None:
        """Start a program that was stopped, as if it had never ended.

        Raises StackError where that is impossible now; ``watch`` tries it again later.
        """
        self._ends.clear()
        self._hasty, self.reason = 0, ""
        try:
            self.start()
        except (StackError, OSError) as error:
            self._not_started(error, time.monotonic())
            raise StackError(self.reason) from error

    def forgive(self) -> None:
        """Start a program that was given up, as if it had never ended."""
        if self.state == "failed":
            self._ends.clear()
            self._hasty = 0
            self.state, self.due = "waiting", 0.0

    @property
    def may_come_back(self) -> bool:
        """Whether it was given up for what may be over by itself."""
        return self.state == "failed" and not self.refused and not self.program.once

    @property
    def stands_still(self) -> bool:
        """Whether a setting keeps it from its work, until that is changed."""
        return self.refused and not self.program.once

    def watch(self, now: float) -> bool:
        """Notice an end, a readiness or a due start; return whether anything changed."""
        before = (self.state, self.process and self.process.pid)
        if self.state == "stopping":
            self._stopping(now)
        elif self.process is not None and self.process.poll() is not None:
            self._ended(now)
        elif self.state == "starting" and self.program.is_ready():
            self.state = "running"
        elif self.state == "waiting" and now >= self.due:
            self._start_again(now)
        elif self.may_come_back and now >= self._back_at:
            self.forgive()
        return before != (self.state, self.process and self.process.pid)

    def ask(self, now: float) -> None:
        """Ask the process to end; ``watch`` sees to it that it does, and to nothing else."""
        self._back_at = _NEVER
        if self.process is not None:
            self.state, self._insist_at = "stopping", now + self.program.stop_seconds
            self.process.send_signal(self.program.stop_signal)
        elif self.state not in {"failed", "done"}:
            self.state = "stopped"

    def hurry(self) -> None:
        """Leave a process that was asked to end no more time."""
        self._insist_at = 0.0

    def stop(self) -> None:
        """Ask the process to end, insist after its time, and take its session along."""
        self.ask(time.monotonic())
        if self.process is not None:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(self.program.stop_seconds)
            self._stopping(float("inf"))

    def tell(self) -> MemberState:
        """Return what others may know."""
        pid = self.process.pid if self.process else None
        return MemberState(
            name=self.program.name,
            state=self.state,
            pid=pid,
            started=process.started_at(pid) if pid else None,
            since=self._since,
            restarts=self.restarts,
            reason=self.reason,
            metrics_port=getattr(self.program, "metrics_port", None) if pid else None,
            settings=self.settings,
            metrics_address=getattr(self.program, "metrics_address", ""),
        )

    def _stopping(self, now: float) -> None:
        assert self.process is not None
        asked = self.process.poll() is not None
        if not asked and now < self._insist_at:
            return
        process.end_group(self.process)
        self.process, self.state = None, "stopped"
        self._gone(cleanly=asked)

    def _gone(self, *, cleanly: bool) -> None:
        # What is kept of a life makes the next one faster, and no more.
        with suppress(StackError, OSError):
            self.program.stopped(cleanly=cleanly)

    def _ended(self, now: float) -> None:
        assert self.process is not None
        code = self.process.returncode
        process.kill_group(self.process.pid)
        self.process = None
        if self.program.once and code == 0:
            self.state = "done"
            return
        if time.monotonic() - self._born >= self.patience.sound:
            self._hasty = 0
        self.reason = ": ".join(part for part in self._how(code) if part)
        self._gone(cleanly=False)
        if code in getattr(self.program, "refusals", ()):
            # Started again it would end again, until somebody has changed a setting.
            self.state, self.refused = "failed", True
            return
        self._again_later(now)

    def _how(self, code: int) -> tuple[str, str]:
        if code >= 0:
            return f"exit code {code}", self.program.why_it_ended()
        fatal = self.program.why_it_was_killed()
        outside = -code == signal.SIGKILL and not fatal
        note = " (from outside, or out of memory)" if outside else ""
        return f"killed by signal {-code}{note}", fatal

    def _start_again(self, now: float) -> None:
        try:
            self.start()
        except (StackError, OSError) as error:
            self._not_started(error, now)
        else:
            self.restarts += 1

    def _not_started(self, error: StackError | OSError, now: float) -> None:
        full = isinstance(error, NoRoomError)
        self.reason = str(error)
        if isinstance(error, OSError):
            full = error.errno in _FULL
            self.reason = f"{error.strerror or error}: {error.filename or 'of this machine'}."
        if full:
            # Somebody has to make room, which takes longer than patience lasts.
            self.state, self.due = "waiting", now + self.patience.longest
        else:
            self._again_later(now)

    def _again_later(self, now: float) -> None:
        self._ends.append(now)
        while now - self._ends[0] > self.patience.window:
            self._ends.popleft()
        if len(self._ends) >= self.patience.ends:
            self.state, self._back_at = "failed", now + self.patience.rest
            self.reason = f"ended {len(self._ends)} times in a row ({self.reason})"
            return
        pause = min(self.patience.first * 2 ** min(self._hasty, 20), self.patience.longest)
        self._hasty += 1
        self.state, self.due = "waiting", now + pause
