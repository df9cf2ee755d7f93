"""Asking the server for processes, and waiting for their ends."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[3]


class Started:
    """A process that the server has forked; what tests use of ``subprocess.Popen``."""

    def __init__(self, words: Sequence[str], ended: int) -> None:
        self.args = list(words)
        self.returncode: int | None = None
        self._ended = ended
        self._left = b""
        self.pid = self._number(None)
        self._handle = _handle_of(self.pid)

    def poll(self) -> int | None:
        """Return the exit code, a signal's as a negative number; None while it lives."""
        return self._awaited(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; raises subprocess.TimeoutExpired after so many seconds."""
        code = self._awaited(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it lives."""
        if self.poll() is None and self._handle is not None:
            try:
                signal.pidfd_send_signal(self._handle, number)
            except ProcessLookupError:
                return

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def _awaited(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], seconds)[0]:
            self.returncode = os.waitstatus_to_exitcode(self._number(seconds))
            os.close(self._ended)
            if self._handle is not None:
                os.close(self._handle)
        return self.returncode

    def _number(self, seconds: float | None) -> int:
        while b"\n" not in self._left:
            more = os.read(self._ended, 100)
            if not more:
                raise RuntimeError("the server of warm processes is gone")
            self._left += more
        line, _, self._left = self._left.partition(b"\n")
        return int(line)


def start(
    *words: str,
    env: Mapping[str, str],
    tree: Path = ROOT,
    stdout: IO[bytes] | None = None,
    stderr: IO[bytes] | None = None,
) -> Started:
    """Start ``python -m`` with these words: a module of Runfold or of the tests, and arguments.

    It runs in the folder ``tree`` with the product of that checkout, in a session of its own, and
    ends with whoever asked for it. Without a file what it says goes where pytest's own output goes.
    """
    reads, writes = os.pipe()
    try:
        asked = {"words": words, "env": dict(env), "cwd": str(tree)}
        files = [stdout.fileno() if stdout else 1, stderr.fileno() if stderr else 2, writes]
        with _LOCK:
            socket.send_fds(_server(tree), [json.dumps(asked).encode()], files)
    finally:
        os.close(writes)
    return Started([sys.executable, "-m", *words], reads)


_LOCK = threading.Lock()
_servers: dict[tuple[int, Path], socket.socket] = {}


def _server(tree: Path) -> socket.socket:
    """Return the socket of this process's server of a tree, started when first asked for."""
    key = os.getpid(), tree
    if key not in _servers:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.warm", str(its.fileno())],
            cwd=ROOT,
            env=os.environ if tree == ROOT else {**os.environ, "PYTHONPATH": str(tree / "src")},
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
        )
        its.close()
        _servers[key] = ours
        atexit.register(_end, process, ours)
    return _servers[key]


def _end(process: subprocess.Popen[bytes], ours: socket.socket) -> None:
    ours.close()
    process.wait()


def _handle_of(pid: int) -> int | None:
    """Return what stands for the process even when its pid is somebody else's; None once gone."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
