"""The nursery: holds the imported module, runs nothing of it, and forks workers from itself.

It has one thread and waits for two things: what the parent wants, and workers that ended.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import traceback
from contextlib import suppress

from runfold.infra.process.frames import Frame, FrameError, Frames, packed
from runfold.infra.process.memory import bound_memory
from runfold.processors.tool.children.inside.channel import Channel
from runfold.processors.tool.children.inside.confine import die_with
from runfold.processors.tool.children.inside.module import Tools
from runfold.processors.tool.children.inside.worker import Worker, end

_READ_BYTES = 64 * 1024
_MOST_FDS = 64


class Nursery:
    """Serves the parent over ``control`` until that is closed; then everything here ends."""

    def __init__(self, tools: Tools, control: socket.socket, memory_bytes: int) -> None:
        self._tools = tools
        self._control = control
        self._memory_bytes = memory_bytes
        self._frames = Frames()
        self._fds: list[int] = []
        self._workers: set[int] = set()
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wakes, False)

    def serve(self) -> None:
        """Do what the parent asks until it is gone."""
        # What is never looked at by a collection stays one copy for all workers.
        gc.collect()
        gc.freeze()
        before = signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)
        while True:
            ready, _, _ = select.select([self._control.fileno(), self._woken], [], [])
            if self._woken in ready:
                with suppress(BlockingIOError):
                    os.read(self._woken, _READ_BYTES)
                self._reap()
            if self._control.fileno() not in ready:
                continue
            data, fds, _, _ = socket.recv_fds(self._control, _READ_BYTES, _MOST_FDS)
            if not data:
                return
            self._fds += fds
            for frame in self._frames.take(data):
                self._serve(frame, before)

    def _serve(self, frame: Frame, before: signal._HANDLER) -> None:
        match frame.kind:
            case "fork":
                self._fork(before, frame.number("number"))
            case "digest":
                self._tell({"kind": "digest", "digest": self._tools.digest()})
            case _:
                raise FrameError(frame.kind)

    def _fork(self, before: signal._HANDLER, number: int | None) -> None:
        channel, output = self._fds.pop(0), self._fds.pop(0)
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            why = str(error.strerror)
            self._tell({"kind": "unforked", "message": why, "number": number})
            pid = -1
        if pid == 0:
            # Nothing of a worker may ever go on as a nursery.
            try:
                self._become(channel, output, parent, before)
            except BaseException:  # noqa: BLE001 - nothing above this could say what it was
                traceback.print_exc()
                end(1)
            end(0)
        os.close(channel)
        os.close(output)
        if pid > 0:
            self._workers.add(pid)
            self._tell({"kind": "forked", "pid": pid, "number": number})

    def _become(self, channel: int, output: int, parent: int, before: signal._HANDLER) -> None:
        os.setsid()
        die_with(parent)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, before)
        self._control.close()
        os.close(self._woken)
        os.close(self._wakes)
        for number in (1, 2):
            os.dup2(output, number)
        os.close(output)
        for left in self._fds:
            os.close(left)
        bound_memory(self._memory_bytes)
        Worker(self._tools, Channel(socket.socket(fileno=channel))).serve()

    def _reap(self) -> None:
        """Report the workers that ended, and end what they started."""
        while self._workers:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            pid = found.si_pid
            # Its number is its group's for as long as it is not waited for.
            _kill(pid)
            _, status = os.waitpid(pid, 0)
            if pid in self._workers:
                self._workers.discard(pid)
                code = os.waitstatus_to_exitcode(status)
                self._tell({"kind": "ended", "pid": pid, "code": code})

    def _tell(self, head: dict[str, object]) -> None:
        with suppress(OSError, FrameError):
            self._control.sendall(packed(Frame(head)))


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
