"""A process that outlives the supervisor just long enough to leave nothing behind."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import psutil

from runfold.stack.processes.launch import PR_SET_PDEATHSIG

_PR_SET_CHILD_SUBREAPER = 36
_SWEEP_SECONDS = 10.0


def guarded(work: Callable[[], int]) -> int:
    """Do the work in a child process and return its exit code.

    However the child ends, every process that descends from it is gone afterwards,
    those too that made themselves sessions of their own: orphans come back to us.
    Should the guard itself be killed, the child is asked to end.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    guard = os.getpid()
    child = os.fork()
    if child == 0:
        _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        code = 1
        try:
            if os.getppid() == guard:
                code = work()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def pass_on(number: int, _: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    code = _wait_for(child)
    _sweep()
    return code


def _wait_for(child: int) -> int:
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            return os.waitstatus_to_exitcode(status)


def _sweep() -> None:
    until = time.monotonic() + _SWEEP_SECONDS
    while time.monotonic() < until:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, int(value), 0, 0, 0)
