"""What was sent and what was not, for those who ask; tables that are not there hold nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row

from runfold.infra.database.connection import Session, transaction
from runfold.processors.delivery.rows import Key
from runfold.producers.log.tail import Place

Row = dict[str, Any]

_TIMEOUT = "statement_timeout = 10000"


class DeliveryLog:
    """Answers from the tables of delivery; raises psycopg.Error where they do not answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._held: Session | None = None

    @classmethod
    def over(cls, session: Session) -> Self:
        """Return one that asks over a connection of somebody else's."""
        made = cls("")
        made._held = session
        return made

    def receivers(self, scope: str | None) -> dict[Key, Row]:
        """Return how receivers do, by subscription: those of a scope, or all."""
        return {
            Key(row["scope"], row["subscription"]): row
            for row in self._rows(
                "SELECT coalesce(r.scope, d.scope) AS scope,"
                " coalesce(r.subscription, d.subscription) AS subscription, r.failing_since,"
                " r.last_ok_at, r.disabled_at,"
                # A table of an earlier release may not have it.
                " coalesce(nullif(to_jsonb(r) -> 'missing_secrets', 'null'), '[]')"
                " AS missing_secrets,"
                " coalesce(d.open, 0) AS open, coalesce(d.failed, 0) AS failed, d.oldest_open_at,"
                " coalesce(d.replayed, 0) AS replayed, d.next_attempt_at"
                " FROM delivery_receivers AS r FULL JOIN ("
                "SELECT scope, subscription, count(*) FILTER (WHERE state = 'open') AS open,"
                " count(*) FILTER (WHERE state = 'open' AND replay > 0) AS replayed,"
                " min(occurred_at) FILTER (WHERE state = 'open' AND replay = 0) AS oldest_open_at,"
                " min(due_at) FILTER (WHERE state = 'open') AS next_attempt_at,"
                " count(*) FILTER (WHERE state = 'failed') AS failed FROM deliveries"
                " WHERE %(scope)s::text IS NULL OR scope = %(scope)s GROUP BY 1, 2) AS d"
                " ON r.scope = d.scope AND r.subscription = d.subscription"
                " WHERE %(scope)s::text IS NULL OR coalesce(r.scope, d.scope) = %(scope)s",
                {"scope": scope},
            )
        }

    def deliveries(
        self,
        key: Key,
        most: int,
        before: int | None = None,
        state: str | None = None,
        run_id: str | None = None,
    ) -> list[Row]:
        """Return deliveries, the newest first, with the attempts that were made."""
        return self._rows(
            "SELECT d.*, ARRAY(SELECT jsonb_build_object('attempt', a.attempt, 'attempted_at',"
            " a.attempted_at, 'code', a.code, 'error', a.error, 'took_ms', a.took_ms)"
            " FROM delivery_attempts AS a WHERE a.number = d.number ORDER BY a.attempt) AS earlier,"
            " CASE WHEN d.state = 'open' THEN (SELECT min(e.number + 0) FROM deliveries AS e"
            " WHERE e.scope = d.scope AND e.subscription = d.subscription AND e.run_id = d.run_id"
            " AND e.state = 'open' AND e.number < d.number) END AS waits_for"
            " FROM deliveries AS d WHERE d.scope = %(scope)s AND d.subscription = %(name)s"
            " AND (%(before)s::bigint IS NULL OR d.number < %(before)s)"
            " AND (%(state)s::text IS NULL OR d.state = %(state)s)"
            " AND (%(run_id)s::text IS NULL OR d.run_id = %(run_id)s)"
            " ORDER BY d.number DESC LIMIT %(most)s",
            {
                **key._asdict(),
                "before": before,
                "state": state,
                "run_id": run_id,
                "most": most,
            },
        )

    def notifications(self, scope: str | None, state: str | None, most: int) -> list[Row]:
        """Return notifications, the newest first."""
        return self._rows(
            "SELECT * FROM notifications WHERE (%(scope)s::text IS NULL OR scope = %(scope)s)"
            " AND (%(state)s::text IS NULL OR state = %(state)s)"
            " ORDER BY number DESC LIMIT %(most)s",
            {"scope": scope, "state": state, "most": most},
        )

    def taken(self) -> dict[Place, int]:
        """Return up to which offset each place was read."""
        rows = self._rows("SELECT topic, partition, next_offset FROM delivery_positions", {})
        return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}

    def disabled(self) -> dict[Key, datetime]:
        """Return when subscriptions were switched off because of their receivers."""
        rows = self._rows(
            "SELECT scope, subscription, disabled_at FROM delivery_receivers"
            " WHERE disabled_at IS NOT NULL",
            {},
        )
        return {Key(row["scope"], row["subscription"]): row["disabled_at"] for row in rows}

    def unsent(self, since: datetime) -> list[tuple[str, int, str]]:
        """Return of notifications that failed or are unknown how many, and the newest error."""
        rows = self._rows(
            "SELECT state, count(*) AS count, (array_agg(error ORDER BY number DESC))[1] AS error"
            " FROM notifications WHERE state IN ('failed', 'unknown') AND done_at >= %(since)s"
            " GROUP BY state ORDER BY state",
            {"since": since},
        )
        return [(row["state"], row["count"], row["error"] or "") for row in rows]

    def replays(self, key: Key) -> int:
        """Return how often a subscription was replayed."""
        rows = self._rows(
            "SELECT max(replay) AS replay FROM deliveries"
            " WHERE scope = %(scope)s AND subscription = %(name)s",
            key._asdict(),
        )
        return int(rows[0]["replay"] or 0) if rows else 0

    def replayed(self, scope: str, most: int) -> int:
        """Return how many deliveries of replays a tenant has open, counted up to so many."""
        rows = self._rows(
            "SELECT count(*) AS open FROM (SELECT FROM deliveries WHERE state = 'open'"
            " AND replay > 0 AND scope = %(scope)s LIMIT %(most)s) AS d",
            {"scope": scope, "most": most},
        )
        return int(rows[0]["open"]) if rows else 0

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Yield a connection for what ``positions`` adds."""
        if self._held is not None:
            yield self._held
            return
        with Session.to(self._url) as session:
            yield session

    def _rows(self, query: str, given: dict[str, Any]) -> list[Row]:
        with self.session() as session:
            try:
                with transaction(session, _TIMEOUT), session.cursor(row_factory=dict_row) as cursor:
                    return cursor.execute(query.encode(), given).fetchall()
            except psycopg.errors.UndefinedTable:
                return []
