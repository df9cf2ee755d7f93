"""What the supervisor does: start in order, watch, stop in reverse order."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from secrets import token_hex
from types import FrameType

from runfold.infra.clock.jumps import Jumps, said
from runfold.stack.errors import StackError
from runfold.stack.home import Home
from runfold.stack.kafka.broker import Broker
from runfold.stack.postgres.server import Postgres
from runfold.stack.processes.process import kill_group, started_at
from runfold.stack.processes.rotation import rotate
from runfold.stack.settings import Settings
from runfold.stack.supervisor import state
from runfold.stack.supervisor.member import Member, Patience
from runfold.stack.supervisor.orders import Mailbox, Order
from runfold.stack.supervisor.plan import Process
from runfold.stack.supervisor.restarting import Restarting
from runfold.stack.supervisor.stopping import Stopping, longest
from runfold.stack.supervisor.surroundings import SERVER, Surroundings

_SERVER_SECONDS = 90.0
_PROCESS_SECONDS = 60.0

ANOTHER_RUNS = 3
"""The exit code of a supervisor that finds another one in its home."""

FORGIVE = signal.SIGUSR1
"""Tells a supervisor to start again what it has given up."""

HURRY = signal.SIGUSR2
"""Tells a supervisor that stops to wait no longer for calls."""


class Stopped(BaseException):
    """Somebody asked us to stop."""


class Supervision:
    """One life of the stack in a home."""

    def __init__(
        self,
        settings: Settings,
        home: Home,
        processes: Sequence[Process],
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        key = token_hex(16)
        self._surroundings = Surroundings.own(settings, secrets or {}, key)
        self._home = home
        self._processes = processes
        self._members: list[Member] = []
        self._phase, self._detail = state.STARTING, ""
        self._began = time.time()
        self._jumps = Jumps()
        self._file = home.run / "state.json"
        self._orders: list[Order] = []
        self._restarting: Restarting | None = None
        self._mailbox = Mailbox(home.run / "orders")
        self._stopping = self._forgiving = self._hurrying = self._unsaid = False
        self._wake, self._alarm = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> int:
        """Run until asked to stop (0) or until the stack cannot start (1)."""
        self._listen()
        code = 0
        try:
            self._end_leftovers()
            # 1. the servers, both at once; 2. the processes, in order; 3. watch
            self._start_servers()
            self._start_processes()
            self._say(state.READY)
            self._watch()
        except Stopped:
            pass
        except StackError as error:
            code = self._failed(str(error))
        except OSError as error:
            code = self._failed(f"{error.strerror}: {error.filename or self._home.root}.")
        self._stopping = True
        self._stop(failed=bool(code))
        return code

    def _listen(self) -> None:
        signal.set_wakeup_fd(self._alarm, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(FORGIVE, self._asked_to_forgive)
        signal.signal(HURRY, self._asked_to_hurry)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        if not self._stopping:
            self._stopping = True
            raise Stopped

    def _asked_to_forgive(self, _number: int, _frame: FrameType | None) -> None:
        self._forgiving = True

    def _asked_to_hurry(self, _number: int, _frame: FrameType | None) -> None:
        # One that was not asked to stop has nothing to hurry with.
        self._hurrying = self._stopping

    def _end_leftovers(self) -> None:
        before = state.read(self._file)
        pids = (
            [m.pid for m in before.members if m.pid and started_at(m.pid) == m.started]
            if (before)
            else []
        )
        for pid in pids:
            kill_group(pid)
        self._until(lambda: not any(started_at(pid) for pid in pids), 5.0)
        self._say(state.STARTING)

    def _start_servers(self) -> None:
        settings = self._surroundings.settings
        broker, database = self._broker(settings), Postgres(self._home)
        servers: list[Broker | Postgres] = []
        if not settings.bootstrap_servers:
            servers.append(broker)
        if not settings.database_url:
            servers.append(database)
        for program in servers:
            member = Member(program, Patience(ends=4))
            member.settings = self._surroundings.recorded(SERVER)
            self._members.append(member)
            self._report(f"starting {program.name}")
            member.start()
        self._wait_for(lambda member: member.state == "running", _SERVER_SECONDS)
        self._surroundings = self._surroundings.at(
            settings.bootstrap_servers or broker.bootstrap_servers,
            settings.database_url or database.database_url,
        )

    def _broker(self, settings: Settings) -> Broker:
        return Broker(self._home, settings.cache, settings.kafka_jvm_options, self._report)

    def _renew(self, member: Member, there: Surroundings) -> None:
        """Give a member its program anew, as it is in other surroundings."""
        name = member.program.name
        process = next((each for each in self._processes if each.name == name), None)
        if process is not None:
            member.program = there.program(process, self._home)
        elif isinstance(member.program, Broker):
            member.program = self._broker(there.settings)
        member.settings = there.recorded(process or SERVER)

    def _start_processes(self) -> None:
        for process in self._processes:
            member = Member(self._surroundings.program(process, self._home))
            member.settings = self._surroundings.recorded(process)
            if process.once:
                # It failed for a reason that trying again does not change.
                member.patience = Patience(ends=1)
            self._members.append(member)
            self._report(f"starting {process.name}")
            member.start()
            if process.once:
                self._wait_for(
                    lambda member: not member.program.once or member.state == "done",
                    _PROCESS_SECONDS,
                )
        # One that a setting keeps from its work stands still alone, and `status` says why.
        self._wait_for(
            lambda member: member.state in {"running", "done"} or member.stands_still,
            _PROCESS_SECONDS,
        )

    def _wait_for(self, good: Callable[[Member], bool], seconds: float) -> None:
        def settled() -> bool:
            self._look()
            for member in self._members:
                if member.state == "failed" and not member.stands_still:
                    raise StackError(self._cannot_start(member))
            return all(good(member) for member in self._members)

        if not self._until(settled, seconds):
            late = next(member for member in self._members if not good(member))
            raise StackError(self._cannot_start(late, f"not ready after {seconds:.0f} s"))

    def _cannot_start(self, member: Member, why: str = "") -> str:
        reason = why or member.reason
        return f"{member.program.name} does not start: {reason} (its log is in {self._home.logs})."

    def _until(self, done: Callable[[], bool], seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not done():
            if time.monotonic() > until:
                return False
            self._sleep(0.02)
        return True

    def _watch(self) -> None:
        while True:
            self._look()
            rotate(self._home.logs)
            self._restart()
            busy = {"starting", "waiting", "stopping"}
            restless = any(member.state in busy for member in self._members)
            self._sleep(0.05 if restless else 1.0)

    def _look(self) -> None:
        now = time.monotonic()
        if self._forgiving:
            self._forgiving = False
            for member in self._members:
                member.forgive()
        if jumped := self._jumps.look():
            sys.stderr.write(f"{said(jumped)}\n")
            # What was given up while the clock was wrong may work now.
            for member in self._members:
                if member.may_come_back:
                    member.forgive()
        changed = [member.watch(now) for member in self._members]
        if any(changed) or self._unsaid:
            self._say(self._phase)

    def _restart(self) -> None:
        """Take the next step of restarting parts, if that was ordered."""
        current = self._restarting
        if (current is None or current.over) and self._orders:
            order = self._orders.pop(0)
            try:
                there = self._surroundings.of(order.environment)
            except StackError as error:
                self._restarting = Restarting(order, (), lambda _: None, str(error))
            else:
                renew = partial(self._renew, there=there)
                self._restarting = Restarting(order, self._members, renew)
            self._say(self._phase)
        elif current is not None and current.look():
            self._say(self._phase)

    def _sleep(self, seconds: float) -> None:
        select.select([self._wake, self._mailbox.descriptor], [], [], seconds)
        with suppress(BlockingIOError):
            os.read(self._wake, 4096)
        self._orders += self._mailbox.take()

    def _stop(self, *, failed: bool) -> None:
        if not failed:
            self._say(state.STOPPING)
        Stopping(
            self._members,
            lambda: self._say(self._phase),
            lambda: self._sleep(0.05),
            lambda: self._hurrying,
        ).run()
        self._say(state.FAILED if failed else state.STOPPED)

    def _failed(self, why: str) -> int:
        self._detail = why
        return 1

    def _report(self, detail: str) -> None:
        self._detail = detail
        self._say(self._phase)

    def _say(self, phase: str) -> None:
        if phase == state.READY and self._phase != phase:
            self._detail = ""
        self._phase = phase
        try:
            state.write(self._file, self._told())
            self._unsaid = False
        except OSError:
            # What runs goes on where its state cannot be written; that is tried again.
            if phase == state.STARTING:
                raise
            self._unsaid = True

    def _told(self) -> state.State:
        settings = self._surroundings.settings
        return state.State(
            phase=self._phase,
            pid=os.getpid(),
            started=started_at(os.getpid()),
            since=self._began,
            detail=self._detail,
            bootstrap_servers=settings.bootstrap_servers,
            database_url=settings.database_url,
            partitions=settings.partitions,
            deployment=settings.deployment,
            stops_within=longest(self._members),
            restart=self._restarting.tell() if self._restarting else None,
            key=self._surroundings.key,
            members=tuple(member.tell() for member in self._members),
        )
