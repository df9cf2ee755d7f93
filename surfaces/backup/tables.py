"""The tables that no journal can make again, by ``COPY``: claims, questions about prices, API keys,
which requests were made with an `Idempotency-Key`, and what was sent to receivers of webhooks.

Of API keys there are hashes, whose key is a file that no back-up holds. Leases of claims'
owners are left out: every owner is dead where the claims come to stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import psycopg

from runfold.infra.database import migrate
from runfold.infra.database.address import quoted
from runfold.infra.database.connection import DURABLE, PATIENT, Session, transaction
from runfold.infra.gateway import tables as gateway
from runfold.infra.gateway.tables import ASKED, KEYS
from runfold.processors.delivery import tables as delivery
from runfold.producers.log.tail import Place
from runfold.projections import schema
from runfold.surfaces.backup import deliveries
from runfold.surfaces.backup.errors import BackupError, NotABackupError, NotEmptyError
from runfold.surfaces.backup.manifest import TableSaid, said_of

TABLES = ("tool_claims", "repricings", "repriced_costs", KEYS, ASKED, *deliveries.TABLES)

_IN_DOUBT = f"UPDATE {ASKED} SET done = false, leased_until = to_timestamp(0)"  # noqa: S608 - our own name
"""A request may have been made after what the back-up has of the log. So nobody knows whether it
arrived, and whoever asks again with its key asks for the same run."""

_COLUMNS = """
    SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0
    AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"""


def save(url: str, folder: Path) -> list[TableSaid]:
    """Copy the tables that are there into files, all as of one moment."""
    found: list[TableSaid] = []
    (folder / "tables").mkdir()
    with Session.to(url) as connection, transaction(connection, *PATIENT, level="REPEATABLE READ"):
        for name in TABLES:
            columns = _columns(connection, name)
            if columns:
                rows, path = _save(connection, name, columns, folder / "tables" / f"{name}.copy")
                said = said_of(folder, path)
                found.append(TableSaid(name=name, columns=columns, rows=rows, file=said))
    return found


def need_empty(url: str) -> None:
    """Raise NotEmptyError where one of the tables has rows, or views have been made."""
    with Session.to(url) as connection, transaction(connection):
        for name in (*TABLES, "runs", "projection_positions"):
            if not _columns(connection, name):
                continue
            row = connection.execute(f"TABLE {quoted(name)} LIMIT 1".encode()).fetchone()
            if row is not None:
                raise NotEmptyError(
                    f"The table {name} has rows: restore into a database, or a schema "
                    "(RUNFOLD_DATABASE_SCHEMA), that is empty."
                )


def load(
    url: str, folder: Path, tables: Sequence[TableSaid], ends: Mapping[Place, int], moment: datetime
) -> deliveries.Restored | None:
    """Make the tables, of claims and of views, and fill those that were saved.

    ``ends`` are those of the restored journals, ``moment`` is when the back-up began. Returns what
    became of webhooks, None where the back-up has nothing of them.
    """
    sent = any(said.name in deliveries.TABLES for said in tables)
    migrate.upgrade(url)
    schema.ensure(url)
    if any(said.name in {KEYS, ASKED} for said in tables):
        gateway.ensure(url)
    if sent:
        delivery.ensure(url)
    with Session.to(url) as connection, transaction(connection, *PATIENT):
        connection.execute(DURABLE)
        for said in tables:
            missing = set(said.columns) - set(_columns(connection, said.name))
            if missing:
                raise BackupError(
                    f"{said.name} has no column {min(missing)} in this release: restore "
                    "with the release that made the back-up, or a newer one."
                )
            _load(connection, said, folder / said.file.path)
            if said.name == ASKED:
                connection.execute(_IN_DOUBT.encode())
        return deliveries.settle(connection, ends, moment) if sent else None


def check(path: Path, said: TableSaid) -> None:
    """Raise NotABackupError where a file does not hold so many rows: each ends its line."""
    with path.open("rb") as file:
        rows = sum(part.count(b"\n") for part in iter(lambda: file.read(1 << 20), b""))
    if rows != said.rows:
        raise NotABackupError(f"{path} holds {rows} rows, the manifest says {said.rows}.")


def _save(connection: Session, name: str, columns: tuple[str, ...], path: Path) -> tuple[int, Path]:
    query = f"COPY {quoted(name)} ({_list(columns)}) TO STDOUT"
    with connection.cursor() as cursor, path.open("xb") as file:
        with cursor.copy(query.encode()) as rows:
            for data in rows:
                file.write(data)
        return cursor.rowcount, path


def _load(connection: Session, said: TableSaid, path: Path) -> None:
    query = f"COPY {quoted(said.name)} ({_list(said.columns)}) FROM STDIN"
    with connection.cursor() as cursor, path.open("rb") as file:
        try:
            with cursor.copy(query.encode()) as rows:
                while data := file.read(1 << 20):
                    rows.write(data)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            why = str(error).partition("\n")[0]
            raise NotABackupError(f"{path} holds rows that {said.name} refuses: {why}.") from error
        if cursor.rowcount != said.rows:
            raise BackupError(f"{said.name} took {cursor.rowcount} rows of {said.rows}.")


def _columns(connection: Session, name: str) -> tuple[str, ...]:
    return tuple(str(row[0]) for row in connection.execute(_COLUMNS, (name,)).fetchall())


def _list(columns: Sequence[str]) -> str:
    return ", ".join(quoted(column) for column in columns)
