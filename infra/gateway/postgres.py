"""API keys and requests that were made, in Postgres; any thread may use them."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import psycopg

from runfold.infra.database.connection import DURABLE, Session, plain, transaction
from runfold.infra.gateway import tables
from runfold.infra.gateway.api_key import ApiKey
from runfold.infra.gateway.asked import (
    Again,
    Asked,
    Done,
    First,
    Lasting,
    Other,
    Standing,
    UnderWay,
)
from runfold.infra.gateway.key_store import Kept

_COLUMNS = (
    "key_id, name, tenant_id, user_id, roles, scopes, created_at, expires_at, revoked_at,"
    " rotated_to, last_used_at, {refused}"
).format(refused="(to_jsonb(api_keys) ->> 'last_refused_at')::timestamptz AS last_refused_at")
"""A table of an earlier release may have no ``last_refused_at``, and its owner alone can add it."""

_NAMES = tuple(each.rpartition(" ")[2] for each in _COLUMNS.split(", "))


class Sessions:
    """Connections that are kept open for whoever needs one next; the tables are made at first."""

    def __init__(self, url: str) -> None:
        self._url = plain(url)
        self._free: queue.SimpleQueue[Session] = queue.SimpleQueue()
        self._made = False

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a connection within a transaction; what breaks is not kept.

        What it writes is durable when it ends. Raises psycopg.Error and GatewayTablesError.
        """
        if not self._made:
            tables.ensure(self._url)
            self._made = True
        session = self._taken()
        try:
            with transaction(session, "statement_timeout = 5000"):
                session.execute(DURABLE)
                yield session
        except BaseException:
            with suppress(psycopg.Error):
                session.close()
            raise
        self._free.put(session)

    def close(self) -> None:
        """Close what is not in use."""
        with suppress(queue.Empty):
            while True:
                self._free.get_nowait().close()

    def _taken(self) -> Session:
        with suppress(queue.Empty):
            while True:
                session = self._free.get_nowait()
                if not (session.closed or session.broken):
                    return session
        return Session.to(self._url)


class PostgresKeyStore:
    """API keys in the table ``api_keys``."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def add(self, key: ApiKey, digest: bytes) -> None:
        """Keep a new key."""
        with self._sessions.transaction() as session:
            _add(session, key, digest)

    def get(self, key_id: str) -> Kept | None:
        """Return a key, None where there is none of this id."""
        query = f"SELECT {_COLUMNS}, digest FROM api_keys WHERE key_id = %s"  # noqa: S608 - our own names
        with self._sessions.transaction() as session:
            row = session.execute(query.encode(), (key_id,)).fetchone()
        return None if row is None else Kept(_key(row), bytes(row[-1]))

    def all(self, tenant_id: str | None = None) -> list[ApiKey]:
        """Return the keys of a tenant, or of all, the oldest first."""
        query = (
            f"SELECT {_COLUMNS} FROM api_keys"  # noqa: S608 - our own names
            " WHERE %s::text IS NULL OR tenant_id = %s ORDER BY created_at, key_id"
        )
        with self._sessions.transaction() as session:
            rows = session.execute(query.encode(), (tenant_id, tenant_id)).fetchall()
        return [_key(row) for row in rows]

    def revoke(self, key_id: str, at: datetime) -> bool:
        """Let a key in no more; return whether it did until now."""
        with self._sessions.transaction() as session:
            done = session.execute(
                "UPDATE api_keys SET revoked_at = %s WHERE key_id = %s AND revoked_at IS NULL",
                (at, key_id),
            )
            return done.rowcount == 1

    def rotate(self, key_id: str, until: datetime, to: ApiKey, digest: bytes) -> bool:
        """Keep a key in the place of another."""
        with self._sessions.transaction() as session:
            done = session.execute(
                "UPDATE api_keys SET rotated_to = %s, expires_at = least(expires_at, %s)"
                " WHERE key_id = %s AND revoked_at IS NULL AND rotated_to IS NULL",
                (to.key_id, until, key_id),
            )
            if done.rowcount != 1:
                return False
            _add(session, to, digest)
            return True

    def used(self, key_ids: Iterable[str], at: datetime) -> None:
        """Note when keys were used last."""
        with self._sessions.transaction() as session:
            session.execute(
                "UPDATE api_keys SET last_used_at = greatest(last_used_at, %s)"
                " WHERE key_id = ANY(%s)",
                (at, sorted(key_ids)),
            )

    def refused(self, key_ids: Iterable[str], at: datetime) -> None:
        """Note when keys were presented last and let nobody in."""
        # Without the column nobody is refused otherwise: it is only not on record.
        with suppress(psycopg.errors.UndefinedColumn), self._sessions.transaction() as session:
            session.execute(
                "UPDATE api_keys SET last_refused_at = greatest(last_refused_at, %s)"
                " WHERE key_id = ANY(%s)",
                (at, sorted(key_ids)),
            )


class PostgresAskedStore:
    """Requests in the table ``asked_requests``."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def begin(self, asked: Asked, run_id: str, now: datetime, lasting: Lasting) -> Standing:
        """Take a request for oneself, with ``run_id`` where nobody has made it."""
        leased, expires = now + lasting.lease, now + lasting.kept
        with self._sessions.transaction() as session:
            made = session.execute(
                "INSERT INTO asked_requests AS a"
                " (scope, key, digest, run_id, leased_until, expires_at)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (scope, key) DO UPDATE SET"
                " digest = excluded.digest, run_id = excluded.run_id, done = false,"
                " leased_until = excluded.leased_until, expires_at = excluded.expires_at"
                " WHERE a.expires_at <= %s RETURNING run_id",
                (*asked, run_id, leased, expires, now),
            ).fetchone()
            if made is not None:
                return First(run_id)
            row = session.execute(
                "SELECT digest, run_id, done, leased_until FROM asked_requests"
                " WHERE scope = %s AND key = %s FOR UPDATE",
                asked[:2],
            ).fetchone()
            if row is None:
                # Given back in between: whoever asks again is the first.
                return UnderWay(run_id)
            digest, known, done, until = row
            if bytes(digest) != asked.digest:
                return Other(known)
            if done:
                return Done(known)
            if until > now:
                return UnderWay(known)
            session.execute(
                "UPDATE asked_requests SET leased_until = %s WHERE scope = %s AND key = %s",
                (leased, *asked[:2]),
            )
            return Again(known)

    def done(self, asked: Asked) -> None:
        """Note that it was made."""
        with self._sessions.transaction() as session:
            session.execute(
                "UPDATE asked_requests SET done = true WHERE scope = %s AND key = %s", asked[:2]
            )

    def undone(self, asked: Asked, *, arrived: bool) -> None:
        """Give it back."""
        what = "UPDATE asked_requests SET leased_until = 'epoch'"
        if not arrived:
            what = "DELETE FROM asked_requests"
        query = f"{what} WHERE scope = %s AND key = %s AND NOT done"
        with self._sessions.transaction() as session:
            session.execute(query.encode(), asked[:2])

    def forget(self, now: datetime) -> int:
        """Forget what is past its time."""
        with self._sessions.transaction() as session:
            return session.execute(
                "DELETE FROM asked_requests WHERE expires_at <= %s", (now,)
            ).rowcount


def _add(session: Session, key: ApiKey, digest: bytes) -> None:
    session.execute(
        "INSERT INTO api_keys (key_id, digest, name, tenant_id, user_id, roles, scopes, created_at,"
        " expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            key.key_id,
            digest,
            key.name,
            key.tenant_id,
            key.user_id,
            list(key.roles),
            list(key.scopes),
            key.created_at,
            key.expires_at,
        ),
    )


def _key(row: Any) -> ApiKey:
    named = dict(zip(_NAMES, row, strict=False))
    return ApiKey(**{**named, "roles": tuple(row[4]), "scopes": tuple(row[5])})
