"""The one process that owns broker, database and Runfold's own processes.

    python -m runfold.stack.supervisor --processes JSON [--tied]

``runfold.stack.control.up`` starts it. It reads its settings from the environment and writes what
it does to the home's state file. With ``--tied`` it goes down when its standard input is closed.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from contextlib import suppress

from runfold.infra.secrets.taking import take
from runfold.stack.errors import StackError
from runfold.stack.home import Home
from runfold.stack.processes import lock
from runfold.stack.processes.guard import guarded
from runfold.stack.settings import Settings
from runfold.stack.supervisor import plan, state
from runfold.stack.supervisor.supervision import ANOTHER_RUNS, Supervision

_SWEEP_SECONDS = 15.0


def main() -> int:
    """Supervise until told to stop; 0 if told, 1 if something failed, 3 if another one runs."""
    parser = argparse.ArgumentParser(prog="python -m runfold.stack.supervisor")
    parser.add_argument("--processes", type=plan.load, default=())
    parser.add_argument("--tied", action="store_true")
    chosen = parser.parse_args()
    try:
        settings = Settings.from_env()
        home = Home(settings.home)
        home.prepare()
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    # What runs below may look at the environment of what is above it.
    taken = take()
    if _take_lock(home) is None:
        return ANOTHER_RUNS

    def work() -> int:
        if chosen.tied:
            threading.Thread(target=_wait_for_caller, daemon=True).start()
        return Supervision(settings, home, chosen.processes, taken.values).run()

    return guarded(work)


def _take_lock(home: Home) -> int | None:
    until = time.monotonic() + _SWEEP_SECONDS
    while True:
        held = lock.take(home.run / "lock")
        known = state.read(home.run / "state.json")
        # A guard may still be ending what a killed supervisor left behind.
        if held is not None or (known and known.is_alive) or time.monotonic() > until:
            return held
        time.sleep(0.05)


def _wait_for_caller() -> None:
    with suppress(OSError):
        while os.read(sys.stdin.fileno(), 1):
            pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
