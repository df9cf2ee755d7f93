"""Who is told what becomes of a run, in the table ``push_configs``; any thread may use it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from runfold.infra.gateway.postgres import Sessions
from runfold.infra.gateway.pushed import PushConfig, PushKey

_KEY = "tenant_id, run_id, config_id"
_COLUMNS = f"{_KEY}, user_id, agent, url, created_at, token, scheme, credentials, seq"
_CREDENTIAL = "key_id, valid_until"
_OF_THESE = (
    "FROM unnest(%s::text[], %s::text[], %s::text[]) AS these(tenant_id, run_id, config_id)"
    " WHERE (p.tenant_id, p.run_id, p.config_id)"
    " = (these.tenant_id, these.run_id, these.config_id) AND p.owner = %s AND p.ended_at IS NULL"
)
_THIS = "tenant_id = %s AND run_id = %s AND config_id = %s"


class PostgresPushStore:
    """Configs of push notifications in Postgres."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def put(self, config: PushConfig) -> None:
        """Keep a config."""
        with self._sessions.transaction() as session:
            session.execute(
                f"INSERT INTO push_configs ({_COLUMNS}, {_CREDENTIAL})"  # noqa: S608 - our own names
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, %s, %s)"
                f" ON CONFLICT ({_KEY}) DO UPDATE SET url = excluded.url, token = excluded.token,"
                " scheme = excluded.scheme, credentials = excluded.credentials,"
                " user_id = excluded.user_id, key_id = excluded.key_id,"
                " valid_until = excluded.valid_until, ended_at = NULL, ended_why = ''",
                (
                    *config.key,
                    config.user_id,
                    config.agent,
                    config.url,
                    config.created_at,
                    config.token,
                    config.scheme,
                    config.credentials,
                    config.key_id,
                    config.until,
                ),
            )

    def of(self, tenant_id: str, run_id: str) -> list[PushConfig]:
        """Return the configs of a run."""
        query = (
            f"SELECT {_COLUMNS}, {_CREDENTIAL} FROM push_configs"  # noqa: S608 - our own names
            ' WHERE tenant_id = %s AND run_id = %s ORDER BY config_id COLLATE "C"'
        )
        with self._sessions.transaction() as session:
            return [_config(row) for row in session.execute(query, (tenant_id, run_id)).fetchall()]

    def under_way(self, tenant_id: str) -> int:
        """Return how many of a tenant's have not ended."""
        query = "SELECT count(*) FROM push_configs WHERE tenant_id = %s AND ended_at IS NULL"
        with self._sessions.transaction() as session:
            row = session.execute(query, (tenant_id,)).fetchone()
        return int(row[0]) if row else 0

    def waiting(self, now: datetime, most: int) -> int:
        """Return how many nobody has."""
        query = (
            "SELECT count(*) FROM (SELECT FROM push_configs"
            " WHERE ended_at IS NULL AND leased_until <= %s LIMIT %s) AS free"
        )
        with self._sessions.transaction() as session:
            row = session.execute(query, (now, most)).fetchone()
        return int(row[0]) if row else 0

    def leave(self, owner: str, keys: Iterable[PushKey], now: datetime) -> None:
        """Leave them to whoever takes them next."""
        query = f"UPDATE push_configs AS p SET owner = '', leased_until = %s {_OF_THESE}"  # noqa: S608
        with self._sessions.transaction() as session:
            session.execute(query, (now, *_columns(keys), owner))

    def delete(self, key: PushKey) -> bool:
        """Forget one."""
        with self._sessions.transaction() as session:
            done = session.execute(f"DELETE FROM push_configs WHERE {_THIS}", key)  # noqa: S608
            return done.rowcount == 1

    def take(self, owner: str, now: datetime, until: datetime, most: int) -> list[PushConfig]:
        """Take up to so many that nobody has."""
        query = (
            f"UPDATE push_configs AS p SET owner = %s, leased_until = %s WHERE ({_KEY}) IN"  # noqa: S608
            f" (SELECT {_KEY} FROM push_configs WHERE ended_at IS NULL AND leased_until <= %s"
            " ORDER BY leased_until LIMIT %s FOR UPDATE SKIP LOCKED)"
            f" RETURNING {_COLUMNS}, {_CREDENTIAL}"
        )
        with self._sessions.transaction() as session:
            rows = session.execute(query, (owner, until, now, most)).fetchall()
        return [_config(row) for row in rows]

    def keep(self, owner: str, keys: Iterable[PushKey], until: datetime) -> set[PushKey]:
        """Have them for longer."""
        query = (
            f"UPDATE push_configs AS p SET leased_until = %s {_OF_THESE}"  # noqa: S608 - our own names
            " RETURNING p.tenant_id, p.run_id, p.config_id"
        )
        with self._sessions.transaction() as session:
            rows = session.execute(query, (until, *_columns(keys), owner)).fetchall()
        return {PushKey(*row) for row in rows}

    def told(self, owner: str, key: PushKey, seq: int) -> bool:
        """Note up to which event somebody was told."""
        query = f"UPDATE push_configs SET seq = greatest(seq, %s) WHERE {_THIS} AND owner = %s"  # noqa: S608
        with self._sessions.transaction() as session:
            return session.execute(query, (seq, *key, owner)).rowcount == 1

    def ended(self, key: PushKey, at: datetime, why: str = "") -> None:
        """Note that nothing more is to be told."""
        query = f"UPDATE push_configs SET ended_at = %s, ended_why = %s WHERE {_THIS}"  # noqa: S608
        with self._sessions.transaction() as session:
            session.execute(query, (at, why[:1000], *key))

    def forget(self, before: datetime) -> int:
        """Forget those that ended."""
        with self._sessions.transaction() as session:
            query = "DELETE FROM push_configs WHERE ended_at < %s"
            return session.execute(query, (before,)).rowcount


def _config(row: Any) -> PushConfig:
    tenant_id, run_id, config_id, *rest = row
    return PushConfig(PushKey(tenant_id, run_id, config_id), *rest)


def _columns(keys: Iterable[PushKey]) -> tuple[list[str], list[str], list[str]]:
    """Return keys as the columns of an array each."""
    found = sorted(keys)
    return [k.tenant_id for k in found], [k.run_id for k in found], [k.config_id for k in found]
