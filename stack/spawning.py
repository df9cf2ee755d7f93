"""Starting a supervisor from this process, and seeing it off."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from runfold.stack.home import Home
from runfold.stack.settings import Settings
from runfold.stack.supervisor import plan

_GONE_SECONDS = 90.0

# The supervisors that this process has started, by home: a tied one lives as long as its pipe.
_started: dict[Path, subprocess.Popen[bytes]] = {}


def environment(settings: Settings) -> dict[str, str]:
    """Return what a stack is started with from this process."""
    return {**os.environ, **settings.to_env()}


def spawn(
    settings: Settings, home: Home, processes: Sequence[plan.Process], *, tied: bool
) -> subprocess.Popen[bytes]:
    """Start the supervisor of a home; a tied one ends with this process."""
    reap(home)
    arguments = ["-m", "runfold.stack.supervisor", "--processes", plan.dump(processes)]
    with (home.logs / "supervisor.log").open("ab") as log:
        _started[home.root] = subprocess.Popen(
            [sys.executable, *arguments, *(["--tied"] if tied else [])],
            stdin=subprocess.PIPE if tied else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment(settings),
        )
    return _started[home.root]


def reap(home: Home) -> None:
    """Wait for the end of a supervisor that this process has started, if it has."""
    supervisor = _started.pop(home.root, None)
    if supervisor is None:
        return
    with suppress(subprocess.TimeoutExpired):
        supervisor.wait(_GONE_SECONDS)
    if supervisor.stdin is not None:
        supervisor.stdin.close()
