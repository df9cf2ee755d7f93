"""Starting the peers' own servers and waiting for their ports."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from benchmarks.peers.errors import NotMeasuredError
from runfold.stack.processes import process

_READY_S = 90.0


def start(
    command: Sequence[str], log: Path, cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own; it does not outlive us. From the main thread."""
    return process.spawn(command, log=log, env=os.environ | dict(environment or {}), cwd=cwd)


def wait_for_port(port: int, started: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until somebody listens; raises NotMeasuredError with the server's last word."""
    until = time.monotonic() + _READY_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if started.poll() is not None or time.monotonic() > until:
                raise NotMeasuredError(f"a server does not start: {process.tail(log)}") from None
            time.sleep(0.02)
        else:
            return


def post(url: str, body: object) -> None:
    """Post JSON until it is taken, since a server that listens may not be ready."""
    until = time.monotonic() + _READY_S
    headers = {"content-type": "application/json"}
    while True:
        try:
            urlopen(Request(url, json.dumps(body).encode(), headers), timeout=20).close()
        except (URLError, OSError) as error:
            if time.monotonic() > until:
                raise NotMeasuredError(f"{url} refuses: {error}") from error
            time.sleep(0.2)
        else:
            return
