"""Who is told what becomes of a run, in the table ``push_configs``; any thread may use it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from runfold.infra.gateway.postgres import Sessions
from runfold.infra.gateway.pushed import PushConfig, PushKey

_KEY = "tenant_id, run_id, config_id"
_COLUMNS = f"{_KEY}, user_id, agent, url, created_at, token, scheme, credentials, seq"
_THIS = "tenant_id = %s AND run_id = %s AND config_id = %s"


class PostgresPushStore:
    """Configs of push notifications in Postgres."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def put(self, config: PushConfig) -> None:
        """Keep a config."""
        with self._sessions.transaction() as session:
            session.execute(
                f"INSERT INTO push_configs ({_COLUMNS})"  # noqa: S608 - our own names
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0)"
                f" ON CONFLICT ({_KEY}) DO UPDATE SET url = excluded.url, token = excluded.token,"
                " scheme = excluded.scheme, credentials = excluded.credentials,"
                " user_id = excluded.user_id, ended_at = NULL",
                (
                    *config.key,
                    config.user_id,
                    config.agent,
                    config.url,
                    config.created_at,
                    config.token,
                    config.scheme,
                    config.credentials,
                ),
            )

    def of(self, tenant_id: str, run_id: str) -> list[PushConfig]:
        """Return the configs of a run."""
        query = (
            f"SELECT {_COLUMNS} FROM push_configs"  # noqa: S608 - our own names
            ' WHERE tenant_id = %s AND run_id = %s ORDER BY config_id COLLATE "C"'
        )
        with self._sessions.transaction() as session:
            return [_config(row) for row in session.execute(query, (tenant_id, run_id)).fetchall()]

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
            f" RETURNING {_COLUMNS}"
        )
        with self._sessions.transaction() as session:
            rows = session.execute(query, (owner, until, now, most)).fetchall()
        return [_config(row) for row in rows]

    def keep(self, owner: str, keys: Iterable[PushKey], until: datetime) -> set[PushKey]:
        """Have them for longer."""
        kept = set()
        query = f"UPDATE push_configs SET leased_until = %s WHERE {_THIS} AND owner = %s"  # noqa: S608
        with self._sessions.transaction() as session:
            for key in sorted(keys):
                if session.execute(query, (until, *key, owner)).rowcount:
                    kept.add(key)
        return kept

    def told(self, owner: str, key: PushKey, seq: int) -> bool:
        """Note up to which event somebody was told."""
        query = f"UPDATE push_configs SET seq = greatest(seq, %s) WHERE {_THIS} AND owner = %s"  # noqa: S608
        with self._sessions.transaction() as session:
            return session.execute(query, (seq, *key, owner)).rowcount == 1

    def ended(self, key: PushKey, at: datetime) -> None:
        """Note that nothing more is to be told."""
        query = f"UPDATE push_configs SET ended_at = %s WHERE {_THIS}"  # noqa: S608
        with self._sessions.transaction() as session:
            session.execute(query, (at, *key))

    def forget(self, before: datetime) -> int:
        """Forget those that ended."""
        with self._sessions.transaction() as session:
            query = "DELETE FROM push_configs WHERE ended_at < %s"
            return session.execute(query, (before,)).rowcount


def _config(row: Any) -> PushConfig:
    tenant_id, run_id, config_id, user_id, agent, url, at, token, scheme, credentials, seq = row
    key = PushKey(tenant_id, run_id, config_id)
    return PushConfig(key, user_id, agent, url, at, token, scheme, credentials, seq)
