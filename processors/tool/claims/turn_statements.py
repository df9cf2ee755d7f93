"""What is asked of the table of turns, for any number of calls in one statement.

A row says when a tool's next turn is, by the database's clock. Rows are locked in the order of
their keys, as those of claims are.
"""

from __future__ import annotations

from runfold.processors.tool.claims.statements import Statement

# Of the calls of a group each gets another turn. A tool that has no row yet, or whose next turn is
# further off than the calls would wait, is not among the answers.
TAKE_TURN = Statement(
    """
    WITH w AS (
        SELECT *, row_number() OVER (PARTITION BY tenant, tool ORDER BY token) AS place
        FROM json_to_recordset(%s)
             AS w(tenant text, tool text, token text, each_s float8, longest_s float8)
    ), g AS (
        SELECT g.*
        FROM (
            SELECT tenant, tool, count(*) AS many, max(each_s) AS each_s,
                   min(longest_s) AS longest_s
            FROM w GROUP BY tenant, tool
        ) g
        JOIN tool_turns t USING (tenant, tool)
        ORDER BY g.tenant, g.tool
        FOR NO KEY UPDATE OF t
    ), taken AS (
        UPDATE tool_turns t
        SET next = greatest(t.next, clock_timestamp()) + make_interval(secs => g.many * g.each_s)
        FROM g
        WHERE t.tenant = g.tenant AND t.tool = g.tool
          AND t.next <= clock_timestamp() + make_interval(secs => g.longest_s)
        RETURNING t.tenant, t.tool, t.next, g.many, g.each_s
    )
    SELECT w.token,
           extract(epoch FROM taken.next - clock_timestamp())::float8
           - (taken.many - w.place + 1) * taken.each_s
    FROM w JOIN taken USING (tenant, tool)""",
    ("token",),
)

LOOK_AT_TURNS = Statement(
    """
    WITH w AS (
        SELECT DISTINCT tenant, tool FROM json_to_recordset(%s) AS w(tenant text, tool text)
    ), made AS (
        INSERT INTO tool_turns (tenant, tool, next)
        SELECT tenant, tool, clock_timestamp() FROM w ORDER BY tenant, tool
        ON CONFLICT (tenant, tool) DO NOTHING
    )
    SELECT tenant, tool, extract(epoch FROM t.next - clock_timestamp())::float8
    FROM w LEFT JOIN tool_turns t USING (tenant, tool)""",
    ("tenant", "tool"),
)
