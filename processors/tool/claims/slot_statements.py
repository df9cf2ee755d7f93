"""What is asked of the table of slots, for any number of calls in one statement.

Rows are locked in the order of their keys, as those of claims are.
"""

from __future__ import annotations

from runfold.processors.tool.claims.statements import Statement

# Of the calls of a group each gets another free slot; where two processes choose the same one, the
# later of them gets none, and looks again.
TAKE = Statement(
    """
    WITH w AS (
        SELECT *, row_number() OVER (PARTITION BY tenant, tool, most ORDER BY token) AS place
        FROM json_to_recordset(%s)
             AS w(tenant text, tool text, most integer, token text, owner text,
                  run_id text, call_id text)
    ), free AS (
        SELECT tenant, tool, most, number,
               row_number() OVER (PARTITION BY tenant, tool, most ORDER BY number) AS place
        FROM (SELECT DISTINCT tenant, tool, most FROM w) t
        CROSS JOIN LATERAL generate_series(1, t.most) AS number
        WHERE NOT EXISTS (
            SELECT FROM tool_slots s
            WHERE s.tenant = t.tenant AND s.tool = t.tool AND s.number = number.number
        )
    )
    INSERT INTO tool_slots (tenant, tool, number, token, owner, run_id, call_id)
    SELECT tenant, tool, number, token, owner, run_id, call_id
    FROM w JOIN free USING (tenant, tool, most, place)
    ORDER BY tenant, tool, number
    ON CONFLICT (tenant, tool, number) DO NOTHING
    RETURNING token""",
    ("token",),
)

LOOK = Statement(
    """
    SELECT w.tenant, w.tool, w.most,
           coalesce(json_agg(json_build_array(
               s.number, s.token, s.owner, extract(epoch FROM o.lives_until)::float8
           ) ORDER BY s.number) FILTER (WHERE s.number IS NOT NULL), '[]'),
           extract(epoch FROM now())::float8
    FROM json_to_recordset(%s) AS w(tenant text, tool text, most integer)
    LEFT JOIN tool_slots s ON s.tenant = w.tenant AND s.tool = w.tool AND s.number <= w.most
    LEFT JOIN tool_claim_owners o USING (owner)
    GROUP BY w.tenant, w.tool, w.most""",
    ("tenant", "tool", "most"),
)

# Whoever changes the row first has it: the token that was judged must still stand.
TAKE_OVER = Statement(
    """
    WITH w AS (
        SELECT w.*
        FROM json_to_recordset(%s)
             AS w(tenant text, tool text, number integer, token text, judged text, owner text,
                  run_id text, call_id text)
        JOIN tool_slots s USING (tenant, tool, number)
        WHERE s.token = w.judged
        ORDER BY w.tenant, w.tool, w.number
        FOR NO KEY UPDATE OF s
    )
    UPDATE tool_slots s
    SET token = w.token, owner = w.owner, run_id = w.run_id, call_id = w.call_id, taken_at = now()
    FROM w
    WHERE s.tenant = w.tenant AND s.tool = w.tool AND s.number = w.number AND s.token = w.judged
    RETURNING s.token""",
    ("token",),
)

GIVE_BACK = Statement(
    """
    WITH w AS (
        SELECT s.tenant, s.tool, s.number, s.token
        FROM json_to_recordset(%s) AS w(tenant text, tool text, token text)
        JOIN tool_slots s USING (tenant, tool, token)
        ORDER BY s.tenant, s.tool, s.number
        FOR UPDATE OF s
    )
    DELETE FROM tool_slots s USING w
    WHERE s.tenant = w.tenant AND s.tool = w.tool AND s.number = w.number AND s.token = w.token
    RETURNING s.token""",
    ("token",),
)

LEAVE = Statement(
    """
    DELETE FROM tool_slots s USING json_to_recordset(%s) AS w(owner text)
    WHERE s.owner = w.owner
    RETURNING w.owner""",
    ("owner",),
)
