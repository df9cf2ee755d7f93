"""What a database says of its deployment: one row, made once, that no journal can make again."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

import psycopg
from psycopg import errors

from runfold.infra.database import layout, roles
from runfold.infra.database.connection import DURABLE, Session, transaction
from runfold.infra.database.layout import Part
from runfold.infra.deployment.identity import Binding

PART: Final = Part(
    marker=roles.IDENTITY, columns=("database_id", "topic_id"), tables=(roles.IDENTITY,)
)

# Not a version of Alembic's: an earlier release would refuse one that it does not know.
_MAKE: Final = """
    CREATE TABLE IF NOT EXISTS deployment_identity (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        database_id uuid NOT NULL,
        topic_id text NOT NULL DEFAULT '',
        made_at timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE deployment_identity IS
        'Which deployment this database is of: one row, compared at every start';
    COMMENT ON COLUMN deployment_identity.one IS 'Always true: there is one row';
    COMMENT ON COLUMN deployment_identity.database_id IS 'The id of this database, made once';
    COMMENT ON COLUMN deployment_identity.topic_id IS
        'The id that Kafka gave the topic runs.events of this deployment; empty before the first';
    COMMENT ON COLUMN deployment_identity.made_at IS 'When this row was made'"""


def binding_of(url: str) -> Binding | None:
    """Return what the database says, None where it says nothing; raises psycopg.Error."""
    with Session.to(url) as session, transaction(session):
        return read(session)


def read(session: psycopg.Connection) -> Binding | None:
    """Return what the database says, None where it says nothing; a transaction is open."""
    try:
        with session.transaction():
            row = session.execute(
                "SELECT database_id, topic_id FROM deployment_identity"
            ).fetchone()
    except errors.UndefinedTable:
        return None
    return Binding(row[0], str(row[1])) if row else None


def made(url: str) -> Binding:
    """Return what the database says, which it says from now on.

    Raises psycopg.Error, and TablesClashError where the table is somebody else's.
    """
    with Session.to(url) as session, transaction(session):
        found = read(session)
        if found is not None:
            return found
        session.execute(DURABLE)
        schema = layout.take(session, PART)
        session.execute(_MAKE)
        session.execute(
            "INSERT INTO deployment_identity (database_id) VALUES (%s) ON CONFLICT DO NOTHING",
            (uuid4(),),
        )
        roles.grant(session, schema)
        found = read(session)
        assert found is not None
        return found


def note(url: str, topic_id: str) -> None:
    """Note of which journal this database is; raises psycopg.Error."""
    with Session.to(url) as session, transaction(session):
        session.execute(DURABLE)
        session.execute("UPDATE deployment_identity SET topic_id = %s", (topic_id,))
