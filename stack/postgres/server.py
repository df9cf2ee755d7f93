"""The embedded database: one real Postgres process."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from runfold.stack import ports
from runfold.stack.errors import StackError
from runfold.stack.home import UNPRIVILEGED, Home, need_room
from runfold.stack.postgres.binaries import find
from runfold.stack.processes.process import spawn, tail

_USER = "runfold"
_DATABASE = "runfold"
_ROOM_BYTES = 100_000_000
"""What a new data folder needs, with some room to work."""

_TELLING = ("FATAL", "PANIC", "No space left", "could not")
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "max_wal_size": "1GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass
class Postgres:
    """One database server with its files in a home; started, asked, stopped."""

    home: Home
    name: str = "postgres"
    options: Mapping[str, str] = field(default_factory=dict)
    once: bool = False
    # Fast shutdown: ends the sessions, writes a checkpoint.
    stop_signal: int = signal.SIGINT
    stop_seconds: float = 20.0
    database_url: str = field(default="", init=False)
    _port: int = field(default=0, init=False)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server on its remembered port; raises StackError if it cannot be made."""
        binaries = find(self.home)
        password = self._password()
        data = self.home.postgres / "data"
        if not data.exists():
            self._init(binaries, data, password)
        need_room(data)
        _forget_dead_postmaster(data)
        self._port = ports.claim(self.home.run / "ports.json", ("postgres",))["postgres"]
        self.database_url = self._url(_DATABASE)
        options = [f"--{name}={value}" for name, value in {**_OPTIONS, **self.options}.items()]
        return spawn(
            [str(binaries / "postgres"), "-D", str(data), f"--port={self._port}", *options],
            log=self.home.logs / "postgres.log",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            user=_run_as(),
            # Immediate shutdown: the postmaster takes its backends along.
            death_signal=signal.SIGQUIT,
            cwd=self.home.postgres,
        )

    def is_ready(self) -> bool:
        """Return whether the database takes connections; makes it the first time."""
        try:
            with psycopg.connect(
                self._url("postgres"), autocommit=True, connect_timeout=2
            ) as connection:
                known = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", (_DATABASE,)
                ).fetchone()
                if known is None:
                    with suppress(psycopg.errors.DuplicateDatabase):
                        connection.execute(f"CREATE DATABASE {_DATABASE}")
        except psycopg.OperationalError:
            return False
        return True

    def why_it_ended(self) -> str:
        """Return the line of its log that tells most."""
        return tail(self.home.logs / "postgres.log", _TELLING)

    def why_it_was_killed(self) -> str:
        """Return nothing: its log says nothing of a signal, and older lines are no reason."""
        return ""

    def stopped(self, *, cleanly: bool) -> None:
        """Nothing is kept from one life to the next but the data."""

    def _url(self, database: str) -> str:
        return f"postgresql://{_USER}:{self._password()}@127.0.0.1:{self._port}/{database}"

    def _password(self) -> str:
        file = self.home.run / "postgres.password"
        if not file.exists():
            new = file.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_text(secrets.token_hex(24))
            new.replace(file)
        return file.read_text()

    def _init(self, binaries: Path, data: Path, password: str) -> None:
        new = data.with_name("data.new")
        shutil.rmtree(new, ignore_errors=True)
        told = self.home.postgres / "password"
        told.unlink(missing_ok=True)
        told.touch(mode=0o600)
        told.write_text(password)
        if _run_as():
            shutil.chown(told, _run_as())
        done = subprocess.run(
            [
                str(binaries / "initdb"),
                f"--pgdata={new}",
                f"--username={_USER}",
                "--auth=scram-sha-256",
                f"--pwfile={told}",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            capture_output=True,
            text=True,
            check=False,
            user=_run_as() or None,
            extra_groups=[] if _run_as() else None,
            cwd=self.home.postgres,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
        )
        told.unlink()
        if done.returncode:
            why = _disk_full(data.parent) or _last(done.stderr)
            raise StackError(f"Postgres could not make its files in {data}: {why}")
        new.replace(data)


def _run_as() -> str:
    return UNPRIVILEGED if os.geteuid() == 0 else ""


def _disk_full(folder: Path) -> str:
    # A full disk ends initdb by a signal more often than by an error that it reports.
    free = shutil.disk_usage(folder).free
    if free > _ROOM_BYTES:
        return ""
    return f"the disk has {free // 1_000_000} MB left; make room, or set RUNFOLD_HOME elsewhere."


def _last(text: str) -> str:
    errors = [line for line in text.splitlines() if "error" in line.lower()]
    return (errors or text.strip().splitlines() or ["no reason given"])[-1]


def _forget_dead_postmaster(data: Path) -> None:
    # Postgres refuses to start while the pid it finds in this file is alive, even where another
    # program has it now, as happens whenever a container starts again.
    file = data / "postmaster.pid"
    try:
        pid = int(file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    try:
        ours = Path(f"/proc/{pid}/cwd").readlink() == data
    except OSError:
        ours = False
    if not ours:
        file.unlink(missing_ok=True)
