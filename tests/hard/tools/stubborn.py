"""Tools that try to outlive their call, to hold up the pool, or to hinder the end of their process.

``CHANGES`` are changes of a process that no later call may meet.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from runfold.processors.tool import ToolContext, tool

_FLOOD = """
import os, pathlib, sys, time
until = time.monotonic() + 20
while time.monotonic() < until:
    try:
        os.write(1, b"\\n" * 65536)
    except OSError:
        break
pathlib.Path(sys.argv[1]).write_text("refused" if time.monotonic() < until else "read for 20 s")
"""


@tool(risk_level=0)
def floods_after(place: str) -> None:
    """Leave a process that is in no group of this one, and writes without end."""
    subprocess.run(["setsid", "-f", sys.executable, "-c", _FLOOD, place], check=True)
    time.sleep(0.3)


@tool(risk_level=0)
def floods() -> None:
    """Write without end while the call goes on."""
    while True:
        os.write(1, b"\n" * 65536)


@tool(risk_level=2, idempotent=True)
def stops_its_parent(folder: str) -> None:
    """Stop the process that could end this one, and one more act later."""
    subprocess.Popen(["sh", "-c", f"echo $$ > {folder}/child; sleep 600"])
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
    Path(folder, "worker").write_text(str(os.getpid()))
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(600)


@tool(risk_level=0)
def ends_its_parent(folder: str) -> None:
    """End the nursery, and see to it that this process is not ended with it."""
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
    Path(folder, "worker").write_text(str(os.getpid()))
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


@tool(risk_level=2, idempotent=True)
def waits(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


@tool(risk_level=0, auth=("crm",))
def prints_later(context: ToolContext) -> None:
    """Print a secret after the call has ended."""
    secret = context.secret("crm")

    def later() -> None:
        time.sleep(0.3)
        os.write(2, f"late {secret}\n".encode())

    threading.Thread(target=later, daemon=True).start()


def _zone() -> None:
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()


def _root() -> None:
    if os.getuid() == 0:
        os.chroot("/proc")


CHANGES: dict[str, Callable[[], object]] = {
    "zone": _zone,
    "timers": lambda: (
        signal.setitimer(signal.ITIMER_PROF, 0.2),
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.2),
    ),
    "traceback": lambda: faulthandler.dump_traceback_later(0.2, exit=True),
    "nice": lambda: os.nice(5),
    "collection": gc.disable,
    "sockets": lambda: socket.setdefaulttimeout(0.001),
    "environment": lambda: os.putenv("LEFT", "behind"),
    "path": lambda: sys.path.insert(0, "/nowhere"),
    "random": lambda: random.seed(1),
    "root": _root,
    "processes": lambda: resource.setrlimit(resource.RLIMIT_NPROC, (0, 0)),
    "module": lambda: globals().update(_FLOOD="changed"),
}


@tool(risk_level=0)
def changes_for_good(what: str) -> int:
    CHANGES[what]()
    return os.getpid()


@tool(risk_level=0)
def looks_closely() -> list[object]:
    """Use some processor time, and say what the process is like."""
    until = time.process_time() + 0.4
    while time.process_time() < until:
        pass
    left = subprocess.run(["printenv", "LEFT"], capture_output=True, text=True, check=False)
    limits = [
        resource.getrlimit(getattr(resource, name))
        for name in dir(resource)
        if name.startswith("RLIMIT_") and name != "RLIMIT_AS"
    ]
    return [
        time.tzname, os.nice(0), gc.isenabled(), socket.getdefaulttimeout(), left.stdout, sys.path,
        str(Path("/proc/self/root").readlink()), limits, _FLOOD,
        [signal.getitimer(which)[0] for which in (signal.ITIMER_PROF, signal.ITIMER_VIRTUAL)],
    ]  # fmt: skip


TOOLS = (
    floods_after, floods, stops_its_parent, ends_its_parent, waits, prints_later,
    changes_for_good, looks_closely,
)  # fmt: skip
