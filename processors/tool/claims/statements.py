"""What is asked of the tables of claims, for any number of calls in one statement.

A statement reads its wants as rows of one JSON array, which costs a client a tenth of arrays a
column. Whatever locks rows locks them in the order of their keys, and no statement shares its
transaction with another: so groups of several processes never wait for each other in a circle.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg.rows import TupleRow

Want = dict[str, Any]
"""Values by the names of a statement's columns; bytes are written as Postgres reads them."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL for a group of wants; rows of its answer begin with the values of ``by``."""

    query: LiteralString
    by: tuple[str, ...]

    def values(self, wants: Sequence[Want]) -> tuple[str]:
        """Return the wants as the query's one value; of two about the same the later counts."""
        last = {self._names(want): want for want in wants}
        return (json.dumps(list(last.values())),)

    def answers(self, wants: Sequence[Want], rows: Sequence[TupleRow]) -> list[TupleRow | None]:
        """Return each want's own row without the leading values, None where there is none."""
        width = len(self.by)
        found = {row[:width]: row[width:] for row in rows}
        return [found.get(self._names(want)) for want in wants]

    def _names(self, want: Want) -> tuple[Any, ...]:
        return tuple(want[name] for name in self.by)


def hexed(value: bytes | None) -> str | None:
    """Return bytes in the form in which a want carries them."""
    return None if value is None else rf"\x{value.hex()}"


def _update(columns: LiteralString, changes: LiteralString, condition: LiteralString) -> Statement:
    # Postgres asks the condition again of a row whose lock it had to wait for.
    query: LiteralString = f"""
        WITH w AS (
            SELECT w.*
            FROM json_to_recordset(%s) AS w(tool text, idempotency_key text, {columns})
            JOIN tool_claims c USING (tool, idempotency_key)
            WHERE {condition}
            ORDER BY w.tool, w.idempotency_key
            FOR NO KEY UPDATE OF c
        )
        UPDATE tool_claims c SET {changes}
        FROM w
        WHERE c.tool = w.tool AND c.idempotency_key = w.idempotency_key
        RETURNING c.token"""  # noqa: S608  of literals alone
    return Statement(query, ("token",))


TAKE = Statement(
    """
    INSERT INTO tool_claims (tool, idempotency_key, tool_version, tenant_id, run_id, call_id,
                             attempt, arguments_digest, owner, token, state)
    SELECT tool, idempotency_key, tool_version, tenant_id, run_id, call_id,
           attempt, arguments_digest, owner, token, 'started'
    FROM json_to_recordset(%s)
         AS w(tool text, idempotency_key text, tool_version text, tenant_id text, run_id text,
              call_id text, attempt integer, arguments_digest bytea, owner text, token text)
    ORDER BY tool, idempotency_key
    ON CONFLICT (tool, idempotency_key) DO NOTHING
    RETURNING token""",
    ("token",),
)

LOOK = Statement(
    """
    SELECT w.tool, w.idempotency_key,
           c.tenant_id, c.attempt, c.arguments_digest, c.state, c.token,
           c.owner, extract(epoch FROM o.lives_until)::float8, extract(epoch FROM now())::float8,
           c.result_media_type, c.result_size, c.result_digest, c.result_inline, c.result_ref
    FROM json_to_recordset(%s) AS w(tool text, idempotency_key text)
    JOIN tool_claims c USING (tool, idempotency_key)
    LEFT JOIN tool_claim_owners o USING (owner)""",
    ("tool", "idempotency_key"),
)

# Whoever changes the row first has it: the token and state that were judged must still stand.
TAKE_OVER = _update(
    "tool_version text, attempt integer, owner text, token text, judged text, judged_state text",
    "tool_version = w.tool_version, attempt = w.attempt, owner = w.owner, token = w.token,"
    " state = 'started', started_at = now(), ended_at = NULL",
    "c.token = w.judged AND c.state = w.judged_state",
)

HOLD = _update("token text", "token = w.token", "c.token = w.token")

END = _update(
    "token text, state text, media_type text, size bigint, digest bytea, inline bytea, ref text",
    "state = w.state, ended_at = now(), result_media_type = w.media_type,"
    " result_size = w.size, result_digest = w.digest, result_inline = w.inline,"
    " result_ref = w.ref",
    "c.token = w.token",
)

RENEW = Statement(
    """
    INSERT INTO tool_claim_owners (owner, lives_until)
    SELECT owner, now() + make_interval(secs => lease_s)
    FROM json_to_recordset(%s) AS w(owner text, lease_s double precision)
    ON CONFLICT (owner) DO UPDATE SET lives_until = excluded.lives_until
    RETURNING owner, extract(epoch FROM now())::float8""",
    ("owner",),
)

LEAVE = Statement(
    """
    DELETE FROM tool_claim_owners USING json_to_recordset(%s) AS w(owner text)
    WHERE tool_claim_owners.owner = w.owner
    RETURNING w.owner""",
    ("owner",),
)
