"""DBOS Transact: a library on Postgres."""

from __future__ import annotations

from benchmarks.peers.support.postgres_peer import PostgresPeer


def peer() -> PostgresPeer:
    """Return the system."""
    return PostgresPeer(
        "dbos",
        "DBOS + Postgres",
        "dbos.worker",
        ("dbos", "psycopg", "sqlalchemy"),
        "asynchronous workflows called directly, a step a call, default pool",
    )
