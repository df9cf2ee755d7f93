"""The database's floor: COPY of the same rows into the same tables, one statement a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import psycopg

_SCHEMA = "floor"


def copy_all(url: str, tables: Mapping[str, bytes]) -> Callable[[], None]:
    """Return what copies all rows into empty tables with the same indexes, in one transaction."""
    connection = psycopg.connect(url, autocommit=True)
    connection.execute(f"CREATE SCHEMA {_SCHEMA}".encode())
    for name in tables:
        like = f'CREATE TABLE {_SCHEMA}."{name}" (LIKE public."{name}" INCLUDING ALL)'
        connection.execute(like.encode())

    def copy() -> None:
        with connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = off")
            for name, data in tables.items():
                query = f'COPY {_SCHEMA}."{name}" FROM STDIN (FORMAT binary)'.encode()
                with connection.cursor().copy(query) as target:
                    target.write(data)
        connection.close()

    return copy
