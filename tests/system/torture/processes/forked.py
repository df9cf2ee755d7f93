"""Processes of the product that start as forks of one that has imported it: deaths by the hundred.

An interpreter that imports the product takes seconds of one core; a fork takes a hundredth. What a
process does after its imports is what it always does.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path

from runfold.infra.process import failpoints
from runfold.stack.processes.launch import PR_SET_PDEATHSIG

_MODULES = (
    "runfold.processors.run.__main__",
    "runfold.processors.tool.__main__",
    "runfold.projections.__main__",
    "tests.system.torture.simulation.tools",
    "tests.system.torture.simulation.people",
    "tests.system.torture.simulation.noise",
    "tests.system.torture.simulation.load",
    "tests.system.torture.processes.forked",
)

_DESCRIPTORS = 4096

_serving: list[Path] = []
"""The tree whose product the server has imported."""


class Fork:
    """One fork, handled as ``subprocess.Popen`` is."""

    def __init__(
        self, arguments: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path
    ) -> None:
        given = (tuple(arguments), str(log), dict(env), str(cwd))
        self._process = _server(cwd).Process(target=_become, args=given)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int:
        """The exit code of one that has ended."""
        code = self._process.exitcode
        assert code is not None
        return code

    def poll(self) -> int | None:
        """The exit code if it has ended."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("fork", timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal to one that has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def _server(tree: Path) -> ForkServerContext:
    """Return the server whose forks have the product of a tree; there is one at a time."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_MODULES))
    if _serving != [tree]:
        forkserver._forkserver._stop()  # type: ignore[attr-defined] # nothing public ends it
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = str(tree / "src")
        try:
            forkserver.ensure_running()
        finally:
            os.environ.pop("PYTHONPATH")
            if before is not None:
                os.environ["PYTHONPATH"] = before
        _serving[:] = [tree]
    return context


def _become(arguments: tuple[str, ...], log: str, env: dict[str, str], cwd: str) -> None:
    """Be what the arguments say, as ``python -m`` would."""
    os.setsid()
    # The server ends with the harness, unless a fork holds what tells it so; its forks with it.
    os.closerange(3, _DESCRIPTORS)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    armed = env.get(failpoints.VARIABLE, "")
    vars(failpoints)["_armed"] = failpoints._Armed(armed) if armed else None
    option, module, *rest = arguments
    assert option == "-m"
    sys.argv = [module, *rest]
    for name in (module, f"{module}.__main__"):
        # A package stays: what is run as a program is not what was imported.
        if name in _MODULES:
            sys.modules.pop(name, None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
