"""The same Postgres for every peer that needs one: Runfold's own, with Runfold's settings."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import psycopg

from benchmarks.peers.errors import NotMeasuredError
from runfold.stack.errors import StackError
from runfold.stack.home import Home
from runfold.stack.postgres.server import Postgres
from runfold.stack.processes import process

_READY_S = 90.0


class Database:
    """One server with its files in a home."""

    def __init__(self, folder: Path) -> None:
        """Start it and wait until it takes connections."""
        home = Home(folder)
        try:
            home.prepare()
            self._server = Postgres(home)
            self._process: subprocess.Popen[bytes] = self._server.start()
        except StackError as error:
            raise NotMeasuredError(str(error)) from error
        until = time.monotonic() + _READY_S
        while not self._server.is_ready():
            if self._process.poll() is not None or time.monotonic() > until:
                raise NotMeasuredError(f"Postgres does not start: {self._server.why_it_ended()}")
            time.sleep(0.05)
        self.url = self._server.database_url

    @property
    def pid(self) -> int:
        """Its first process."""
        return self._process.pid

    def version(self) -> str:
        """Return its version."""
        with psycopg.connect(self.url) as connection:
            return connection.info.parameter_status("server_version") or ""

    def stop(self) -> None:
        """End it; its data is not needed any more."""
        process.stop(self._process, signal.SIGQUIT, 10.0)
