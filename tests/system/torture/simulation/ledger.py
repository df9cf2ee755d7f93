"""The world outside: one SQLite file with one row for every time a tool acted."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from runfold.processors.tool import ToolContext

_PATIENCE_S = 30.0
_TABLE = """
    CREATE TABLE IF NOT EXISTS executions (
        key TEXT, tool TEXT, run_id TEXT, call_id TEXT, attempt INTEGER,
        phase TEXT, pid INTEGER, at REAL
    )"""

BEGAN, ACTED, LEFT, VOID, DIES = "began", "acted", "left", "void", "dies"
"""A tool was entered; had its effect; was about to return; may have its effect no more; ends its
process now."""

_ACT = """
    INSERT INTO executions SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS (
        SELECT 1 FROM executions WHERE key = ?1 AND phase = 'void' AND pid = ?7)"""
_VOID = """
    INSERT INTO executions SELECT key, tool, run_id, call_id, attempt, 'void', pid, at
    FROM executions WHERE key = ? AND phase = 'began'"""


class Execution(NamedTuple):
    """One row: what a tool did, for which key, in which process; ``at`` in epoch seconds."""

    key: str
    tool: str
    run_id: str
    call_id: str
    attempt: int
    phase: str
    pid: int
    at: float


class Ledger:
    """The file; safe to use from any process, and whole after any of them is killed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self) -> None:
        """Make the file; readers need not wait for writers."""
        with self._open() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(_TABLE)
            connection.execute("CREATE INDEX IF NOT EXISTS by_key ON executions (key)")
        self._path.chmod(0o666)

    def note(self, phase: str, tool: str, context: ToolContext) -> None:
        """Add one row; the page cache keeps it when the process is killed a moment later."""
        call = (context.run_id, context.call_id, context.attempt)
        row = (context.idempotency_key, tool, *call, phase, os.getpid(), time.time())
        with self._open() as connection:
            connection.execute("INSERT INTO executions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def act(self, tool: str, context: ToolContext) -> bool:
        """Have the effect, unless this process was declared dead; whether it was had."""
        call = (context.run_id, context.call_id, context.attempt)
        row = (context.idempotency_key, tool, *call, ACTED, os.getpid(), time.time())
        with self._open() as connection:
            return connection.execute(_ACT, row).rowcount == 1

    def void(self, key: str) -> bool:
        """Make sure that nobody who has begun acts any more; whether somebody had acted."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_VOID, (key,))
            query = "SELECT count(*) FROM executions WHERE key = ? AND phase = ?"
            found = int(connection.execute(query, (key, ACTED)).fetchone()[0])
            connection.execute("COMMIT")
        return found > 0

    def acted(self, key: str) -> int:
        """How often something was done under a key."""
        with self._open() as connection:
            query = "SELECT count(*) FROM executions WHERE key = ? AND phase = ?"
            return int(connection.execute(query, (key, ACTED)).fetchone()[0])

    def entered(self, call_id: str) -> int:
        """How often a call was entered, whatever came of it."""
        with self._open() as connection:
            query = "SELECT count(*) FROM executions WHERE call_id = ? AND phase = ?"
            return int(connection.execute(query, (call_id, BEGAN)).fetchone()[0])

    def rows(self) -> tuple[Execution, ...]:
        """Everything, in the order it was written."""
        with self._open() as connection:
            found = connection.execute("SELECT * FROM executions ORDER BY rowid").fetchall()
        return tuple(Execution(*row) for row in found)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=_PATIENCE_S, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous=OFF")
            yield connection
        finally:
            connection.close()
