"""Failpoints: named steps at which a process can be made to die, so that tests see what comes back.

``RUNFOLD_FAILPOINT="name"`` or ``"name:n"`` makes the process SIGKILL itself at the n-th hit of
that step. Without the variable a step costs one comparison.
"""

from __future__ import annotations

import os
import signal
import threading

from runfold.infra.settings.declared.variables import FAILPOINT

VARIABLE = FAILPOINT.name


class _Armed:
    """The step to die at, and how many hits are left."""

    def __init__(self, setting: str) -> None:
        self.name, _, count = setting.partition(":")
        self.left = int(count or 1)
        self._lock = threading.Lock()

    def hit(self, name: str) -> None:
        if name != self.name:
            return
        with self._lock:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


_setting = FAILPOINT.read()
_armed = _Armed(_setting) if _setting else None


def failpoint(name: str) -> None:
    """Die here if the environment says so; otherwise do nothing."""
    if _armed is not None:
        _armed.hit(name)
