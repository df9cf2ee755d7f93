"""A second Postgres that has everything the first one acknowledges, and takes over when told to."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from runfold.stack.postgres.binaries import find
from runfold.stack.postgres.server import Postgres, _run_as

_NAME = "standby"
# It must follow again soon after either server was killed, since every commit waits for it.
_OPTIONS = {"wal_retrieve_retry_interval": "200ms"}


@dataclass
class Standby(Postgres):
    """A copy of a running server that follows it from then on, until it is promoted."""

    of: Postgres = field(kw_only=True)
    name: str = _NAME
    options: dict[str, str] = field(default_factory=lambda: dict(_OPTIONS))

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, with a copy of the first server's data the first time."""
        self._known = urlsplit(self.of.database_url)
        if not self._data.exists():
            (self.home.run / "postgres.password").write_text(self._known.password or "")
            self._copy()
        return super().start()

    def is_ready(self) -> bool:
        """Whether it takes connections and, before it is promoted, every commit waits for it."""
        return super().is_ready() and (self.promoted or self._is_waited_for())

    @property
    def promoted(self) -> bool:
        """Whether it has stopped being a standby."""
        return not (self._data / "standby.signal").exists()

    def promote(self) -> bool:
        """Tell it to take over; whether it has. To be said again until it has."""
        if not self.promoted:
            self._tool("pg_ctl", "promote", "--no-wait", f"--pgdata={self._data}")
        return self.promoted

    @property
    def _data(self) -> Path:
        return self.home.postgres / "data"

    def _copy(self) -> None:
        new = self._data.with_name("data.new")
        first = f"host=127.0.0.1 port={self._known.port} user={self._known.username}"
        self._tool(
            "pg_basebackup",
            f"--dbname={first} application_name={_NAME}",
            f"--pgdata={new}",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
        ).check_returncode()
        new.replace(self._data)

    def _is_waited_for(self) -> bool:
        """Whether the first server waits; it is told to once the copy follows."""
        with suppress(psycopg.Error), psycopg.connect(self.of.database_url) as connection:
            connection.autocommit = True
            found = connection.execute(
                "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'"
            ).fetchall()
            if found == [("async",)]:
                connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{_NAME}'")
                connection.execute("SELECT pg_reload_conf()")
            return found == [("sync",)]
        return False

    def _tool(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [str(find(self.home) / program), *arguments],
            check=False,
            capture_output=True,
            user=_run_as() or None,
            extra_groups=[] if _run_as() else None,
            cwd=self.home.postgres,
            env={"PATH": os.environ.get("PATH", ""), "PGPASSWORD": self._known.password or ""},
        )


def either(first: str, second: str) -> str:
    """The address of whichever of two servers takes writes, from the addresses of both."""
    one, other = urlsplit(first), urlsplit(second)
    hosts = f"{one.netloc},{other.netloc.rpartition('@')[2]}"
    return one._replace(netloc=hosts, query="target_session_attrs=read-write").geturl()
