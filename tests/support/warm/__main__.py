"""``python -m tests.support.warm FD``: forks processes as it is asked to by the socket FD.

It has one thread, and has begun nothing: what it has imported is all that its children inherit.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import importlib.util
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
from typing import Any, NamedTuple

from runfold.stack.processes.launch import PR_SET_PDEATHSIG

_MOST = 1 << 20


class Asked(NamedTuple):
    """What to become: the words after ``python -m``, an environment, a folder, and descriptors."""

    words: list[str]
    env: dict[str, str]
    cwd: str
    files: tuple[int, int]


def serve(asking: socket.socket) -> Asked | None:
    """Fork for each request; return what was asked for in the child, None when nobody asks."""
    watched = selectors.DefaultSelector()
    watched.register(asking, selectors.EVENT_READ)
    while True:
        for key, _ in watched.select():
            if key.data is not None:
                _report(watched, key.fileobj, *key.data)
                continue
            message, files, _, _ = socket.recv_fds(asking, _MOST, 3)
            if not message:
                return None
            asked, ended = _asked(message, files)
            _imported(asked.words[0])
            assert threading.active_count() == 1, threading.enumerate()
            pid = os.fork()
            if pid == 0:
                os.close(ended)
                _close(watched)
                asking.close()
                return asked
            for each in asked.files:
                os.close(each)
            os.write(ended, b"%d\n" % pid)
            watched.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, ended))


def _asked(message: bytes, files: list[int]) -> tuple[Asked, int]:
    said: dict[str, Any] = json.loads(message)
    out, err, ended = files
    return Asked(said["words"], said["env"], said["cwd"], (out, err)), ended


def _imported(module: str) -> None:
    """Import what a program imports; what fails will fail again in the child, in the open."""
    with contextlib.suppress(Exception):
        is_package = importlib.util.find_spec(f"{module}.__main__") is not None
        importlib.import_module(f"{module}.__main__" if is_package else module)
    gc.freeze()


def _report(watched: selectors.BaseSelector, handle: Any, pid: int, ended: int) -> None:
    _, status = os.waitpid(pid, 0)
    watched.unregister(handle)
    os.close(handle)
    # Whoever asked may have gone.
    with contextlib.suppress(BrokenPipeError):
        os.write(ended, b"%d\n" % status)
    os.close(ended)


def _close(watched: selectors.BaseSelector) -> None:
    for key in list(watched.get_map().values()):
        if key.data is not None:
            os.close(key.data[1])
            os.close(key.fd)
    watched.close()


def become(asked: Asked, server: int) -> None:
    """Be the process that was asked for, from its first line to its last."""
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server:
        # It went before it could take this process with it.
        os._exit(1)
    for number, each in zip((1, 2), asked.files, strict=True):
        os.dup2(each, number)
        os.close(each)
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(asked.env)
    os.chdir(asked.cwd)
    sys.path[:] = [path for path in asked.env.get("PYTHONPATH", "").split(":") if path] + sys.path
    # The one module that looks at the environment when it is imported.
    if failpoints := sys.modules.get("runfold.infra.process.failpoints"):
        importlib.reload(failpoints)
    module, *arguments = asked.words
    sys.argv = [module, *arguments]
    # What is run as a program is not what was imported; a package stays.
    for name in (module, f"{module}.__main__"):
        if not hasattr(sys.modules.get(name), "__path__"):
            sys.modules.pop(name, None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def main() -> None:
    """Serve until whoever started it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    server = os.getpid()
    asked = serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is not None:
        become(asked, server)


if __name__ == "__main__":
    main()
