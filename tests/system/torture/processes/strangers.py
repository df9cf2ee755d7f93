"""The processes of another deployment, started on the topics of this one: all must be refused."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from runfold.infra.process.exit_codes import ExitCode
from tests.system.torture.faults.plan import PROJECTOR, RUNS, TOOLS
from tests.system.torture.processes.keeper import Kept

_PREPARE = ("-m", "runfold.stack.prepare")
_LAST_S = 20.0


@dataclass
class Strangers:
    """They have a database of their own beside that of ``url``; ``like`` makes one as ours are.

    Made by ``like`` are processes that were not started yet.
    """

    url: str
    like: Callable[[str], Kept]
    log: Path
    tree: Path
    _came: list[tuple[str, Kept | subprocess.Popen[bytes]]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self._came)

    def come(self) -> None:
        """Start them all."""
        self._make_database()
        for name in (RUNS, TOOLS, PROJECTOR):
            one = self.like(name)
            one.env["DATABASE_URL"] = self._theirs
            one.log = self.log
            one.start()
            self._came.append((name, one))
        env = {**os.environ, **one.env}
        with self.log.open("ab") as out:
            prepare = subprocess.Popen(
                [sys.executable, *_PREPARE], env=env, cwd=self.tree, stdout=out, stderr=out
            )
        self._came.append(("prepare", prepare))

    def leave(self) -> list[str]:
        """Wait for their ends; return what speaks against them, and remove what they left."""
        until = time.monotonic() + _LAST_S
        said = [f"{name} of another deployment {_end(one, until)}" for name, one in self._came]
        refused = f"ended with {ExitCode.WRONG_SETTINGS:d}"
        wrong = [sentence for sentence in said if not sentence.endswith(refused)]
        if self._came:
            wrong += [f"another deployment made {name}" for name in self._made()]
            self._drop()
        return wrong

    @property
    def _name(self) -> str:
        return urlsplit(self.url).path.lstrip("/") + "_stranger"

    @property
    def _theirs(self) -> str:
        return urlsplit(self.url)._replace(path=f"/{self._name}").geturl()

    def _make_database(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._name)))

    def _made(self) -> list[str]:
        with psycopg.connect(self._theirs) as there:
            found = there.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'runfold%'"
            ).fetchall()
        return [f"the schema {name}" for (name,) in found]

    def _drop(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as admin:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            admin.execute(drop.format(sql.Identifier(self._name)))


def _end(one: Kept | subprocess.Popen[bytes], until: float) -> str:
    process = one.process if isinstance(one, Kept) else one
    with suppress(subprocess.TimeoutExpired):
        return f"ended with {process.wait(max(0.1, until - time.monotonic()))}"
    process.kill()
    process.wait()
    return "did not end"
