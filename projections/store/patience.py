"""Waiting for tables that somebody else holds, without making others wait behind us."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from psycopg import errors

from runfold.infra.database.connection import Session, transaction
from runfold.projections.errors import TablesInUse

_log = logging.getLogger(__name__)

T = TypeVar("T")

_HOLDERS = """
    SELECT DISTINCT format('%%s (process %%s, %%s, since %%s)', a.usename, a.pid,
        coalesce(nullif(a.application_name, ''), 'no name'), date_trunc('second', a.xact_start))
    FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.granted AND l.relation IS NOT NULL AND a.pid <> pg_backend_pid()
      AND l.relation::regclass::text = ANY(%s) AND a.xact_start IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one lock is waited for, how long nothing is asked then, and for how long in all.

    Whoever wants a table after us waits behind us for ``wait_s`` at most.
    """

    wait_s: float = 0.5
    pause_s: float = 1.0
    in_all_s: float = 120.0


def patiently(
    connection: Session, tables: list[str], work: Callable[[], T], patience: Patience
) -> T:
    """Do work within the caller's transaction, again and again while its locks are held by others.

    Raises TablesInUse, with who holds them, where that does not end.
    """
    until = time.monotonic() + patience.in_all_s
    timeout = f"lock_timeout = {max(1, round(patience.wait_s * 1000))}"
    while True:
        try:
            with transaction(connection, timeout):
                return work()
        except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
            holders = ", ".join(
                row[0] for row in connection.execute(_HOLDERS, (tables,)).fetchall()
            )
            if time.monotonic() > until:
                raise TablesInUse(
                    f"The tables stay in use: {holders or 'somebody'} holds them. Nothing was "
                    "changed; end that session, or rebuild later."
                ) from error
            _log.warning("waiting for tables that are in use: %s", holders)
            time.sleep(patience.pause_s)
