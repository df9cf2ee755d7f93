"""SQL views over the tables: the audit's query, metrics of a run, and the documented table names.

``agent_runs``, ``agent_checkpoints`` and ``tool_invocations`` have the columns and types of the
blueprint's own tables [22-24]; their times are in UTC without a zone, as TIMESTAMP says. The tables
beneath them say more.
"""

from __future__ import annotations

SQL_VIEWS: dict[str, str] = {
    "tool_calls_started_without_permit": """
        SELECT started.run_id, started.seq, started.call_id, started.time
        FROM run_events AS started
        WHERE started.type = 'ToolCallStarted' AND NOT EXISTS (
            SELECT FROM run_events AS permit
            WHERE permit.run_id = started.run_id AND permit.call_id = started.call_id
              AND permit.type = 'PolicyDecided' AND permit.fact->>'effect' = 'permit'
              AND permit.seq < started.seq AND NOT EXISTS (
                SELECT FROM run_events AS forbid
                WHERE forbid.run_id = started.run_id AND forbid.call_id = started.call_id
                  AND forbid.type = 'PolicyDecided' AND forbid.fact->>'effect' = 'forbid'
                  AND forbid.seq > permit.seq AND forbid.seq < started.seq))""",
    "run_metrics": """
        SELECT runs.run_id, runs.tenant_id, runs.agent, runs.status, runs.exit_status,
            runs.cost_usd, runs.input_tokens + runs.output_tokens AS total_tokens,
            extract(epoch FROM coalesce(runs.completed_at, runs.cancelled_at)
                - runs.created_at) * 1000 AS duration_ms,
            CASE WHEN runs.started_at < runs.requested_at THEN 0 ELSE
                extract(epoch FROM runs.started_at - runs.requested_at) * 1000 END AS queue_ms,
            extract(epoch FROM (SELECT min(proposed_at) FROM tool_calls AS t
                WHERE t.run_id = runs.run_id) - runs.created_at) * 1000 AS first_action_ms,
            (SELECT sum(latency_ms) FROM model_calls AS m
                WHERE m.run_id = runs.run_id) AS model_ms,
            (SELECT sum(latency_ms) FROM tool_calls AS t
                WHERE t.run_id = runs.run_id) AS tool_ms
        FROM runs""",
    # What stops a run until a person acts: approvals and questions, and calls of which nobody knows
    # whether they happened. Runfold's own probe asks nobody.
    "waiting_for_people": """
        SELECT w.*, c.effect, c.reversible
        FROM (
            SELECT a.approval_id AS call_id, a.kind, a.run_id, a.tenant_id, r.user_id, r.agent,
                a.tool_name, a.question, a.risk_level, a.requested_at AS since, a.deadline,
                t.tool_version, t.arguments_json, r.agent_version, r.goal, r.cost_usd,
                r.unpriced_calls, a.shown_digest, coalesce(a.approvals_needed,
                    CASE a.kind WHEN 'tool_call' THEN 1 END) AS approvals_needed,
                a.approvals_given, a.approvers_json
            FROM approvals AS a JOIN runs AS r USING (run_id)
            LEFT JOIN tool_calls AS t ON t.tool_call_id = a.approval_id
            WHERE a.status = 'pending' AND r.exit_status IS NULL
            UNION ALL
            SELECT t.tool_call_id, 'uncertain', t.run_id, t.tenant_id, r.user_id, r.agent,
                t.tool_name, 'did ' || t.tool_name || ' happen?', t.risk_level,
                coalesce(t.started_at, t.proposed_at), NULL,
                t.tool_version, t.arguments_json, r.agent_version, r.goal, r.cost_usd,
                r.unpriced_calls, NULL, NULL, NULL, NULL
            FROM tool_calls AS t JOIN runs AS r USING (run_id)
            WHERE t.status = 'uncertain' AND r.exit_status IS NULL
              AND r.status = 'waiting_for_human'
        ) AS w
        LEFT JOIN LATERAL (
            SELECT coalesce(v.effect, v.description) AS effect, v.reversible
            FROM definition_versions AS v
            WHERE v.kind = 'tool' AND v.name = w.tool_name AND v.version = w.tool_version
              AND v.tenant IN ('', w.tenant_id) ORDER BY v.tenant DESC LIMIT 1
        ) AS c ON true""",
    "definitions": """
        SELECT v.kind, v.name, v.version, nullif(v.tenant, '') AS tenant, v.digest,
            coalesce((SELECT CASE d.action WHEN 'restored' THEN 'active' ELSE d.action END
                FROM definition_decisions AS d
                WHERE d.kind = v.kind AND d.name = v.name AND d.tenant = v.tenant
                  AND d.target = v.version AND d.action IN ('retired', 'restored', 'withdrawn')
                ORDER BY d.action = 'withdrawn' DESC, d.position DESC LIMIT 1), 'active') AS state,
            EXISTS (SELECT FROM definition_decisions AS d
                WHERE d.kind = v.kind AND d.name = v.name AND d.action = 'released'
                  AND d.target = v.version AND (v.tenant = '' OR d.tenant = v.tenant)
                  AND NOT EXISTS (SELECT FROM definition_decisions AS later
                      WHERE later.kind = d.kind AND later.name = d.name
                        AND later.tenant = d.tenant AND later.action = 'released'
                        AND later.position > d.position)) AS released,
            v.published_at, v.published_by AS by, v.position
        FROM definition_versions AS v""",
    # Before a call and after it, by the names of the blueprint; contents by their keys. A context
    # is kind:id: a reply is found in tool_calls, what was said in the timeline.
    "strong_checkpoints": """
        SELECT c.tool_call_id || '/' || c.attempt AS checkpoint_id, c.run_id, c.tenant_id,
            r.thread_id, c.step_number AS step, 'waiting_for_tool' AS status,
            jsonb_build_object('type', 'tool_call', 'tool', c.tool_name,
                'args', t.arguments_json, 'reason', t.reason) AS agent_decision,
            c.idempotency_key,
            jsonb_build_object('required', t.approval_status <> 'not_required',
                'status', t.approval_status) AS approval,
            (SELECT coalesce(jsonb_agg(ref ->> 'kind' || ':' || (ref ->> 'id')
                    ORDER BY e.seq, at), '[]')
                FROM run_events AS e, jsonb_array_elements(e.fact::jsonb -> 'refs')
                    WITH ORDINALITY AS refs(ref, at)
                WHERE e.run_id = c.run_id AND e.type = 'ContextHydrated' AND e.seq < c.seq)
                AS context_refs,
            jsonb_build_object('safe_to_retry', c.safe_to_retry,
                'max_attempts', c.max_attempts) AS resume_policy,
            NULL::jsonb AS results, c.state_hash, c.seq, c.created_at
        FROM call_checkpoints AS c
        JOIN tool_calls AS t ON t.tool_call_id = c.tool_call_id
        JOIN runs AS r ON r.run_id = c.run_id
        UNION ALL
        SELECT c.checkpoint_id, c.run_id, c.tenant_id, r.thread_id, c.step_number,
            (SELECT status FROM run_events AS e WHERE e.run_id = c.run_id AND e.seq = c.seq),
            jsonb_build_object('model_call_id', c.model_call_json ->> 'model_call_id',
                'summary', c.model_call_json ->> 'decision_summary'),
            NULL, NULL,
            (SELECT coalesce(jsonb_agg(ref ->> 'kind' || ':' || (ref ->> 'id')
                    ORDER BY e.seq, at), '[]')
                FROM run_events AS e, jsonb_array_elements(e.fact::jsonb -> 'refs')
                    WITH ORDINALITY AS refs(ref, at)
                WHERE e.run_id = c.run_id AND e.type = 'ContextHydrated' AND e.seq < c.seq),
            jsonb_build_object('safe_to_retry', c.safe_to_retry, 'max_attempts', c.max_attempts),
            (SELECT coalesce(jsonb_object_agg(t.tool_call_id,
                    coalesce(t.result_json, t.error_json)), '{}')
                FROM jsonb_array_elements(c.tool_call_json::jsonb) AS closed
                JOIN tool_calls AS t ON t.tool_call_id = closed ->> 'call_id'),
            c.state_hash, c.seq, c.created_at
        FROM checkpoints AS c JOIN runs AS r ON r.run_id = c.run_id""",
    "decision_records": """
        SELECT m.model_call_id, m.run_id, m.tenant_id, m.decision_type,
            m.selected_tools_json ->> 0 AS selected_tool, m.selected_tools_json AS selected_tools,
            m.decision_summary,
            (SELECT coalesce(jsonb_agg(ref ->> 'kind' || ':' || (ref ->> 'id')
                    ORDER BY e.seq, at), '[]')
                FROM run_events AS called
                JOIN run_events AS e ON e.run_id = called.run_id AND e.seq < called.seq
                    AND e.type = 'ContextHydrated',
                    jsonb_array_elements(e.fact::jsonb -> 'refs') WITH ORDINALITY AS refs(ref, at)
                WHERE called.run_id = m.run_id AND called.type = 'ModelCalled'
                    AND called.call_id = m.model_call_id
                    AND (called.fact ->> 'attempt')::bigint = m.attempt) AS input_context_refs,
            (SELECT coalesce(jsonb_agg(jsonb_build_object('call_id', t.tool_call_id,
                    'effect', p.effect, 'policies', p.policy_ids_json, 'reason', p.reason)
                    ORDER BY p.seq), '[]')
                FROM tool_calls AS t JOIN policy_decisions AS p ON p.run_id = t.run_id
                    AND p.call_id = t.tool_call_id
                WHERE t.run_id = m.run_id AND t.model_call_id = m.model_call_id)
                AS policy_checks,
            m.completed_at
        FROM model_calls AS m WHERE m.decision_type IS NOT NULL""",
    "tenants": """
        SELECT tenant_id,
            count(*) FILTER (WHERE status = 'running') AS running,
            count(*) FILTER (WHERE status = 'queued') AS waiting,
            count(*) FILTER (WHERE status = 'refused') AS refused,
            count(*) FILTER (WHERE status = 'returned' AND admitted_at IS NOT NULL) AS returned,
            min(queued_at) FILTER (WHERE status = 'queued') AS waiting_since,
            max(greatest(queued_at, admitted_at, ended_at)) AS updated_at
        FROM tenant_runs GROUP BY tenant_id""",
    "tenant_queue": """
        SELECT tenant_id, run_id, user_id, agent, feature, priority, reason, queue_position,
            queued_at
        FROM tenant_runs WHERE status = 'queued'""",
    # What is set aside is of the runs that run now, so only periods that last have any.
    "tenant_budget_use": """
        SELECT b.tenant_id, b.scope, b.name, b.unit, b.period, b.began_at, b.used, a.set_aside,
            b.limit_amount, b.soft_amount, b.limit_amount - b.used - a.set_aside AS left_amount,
            b.alerted, b.updated_at
        FROM tenant_budgets AS b, LATERAL (
            SELECT coalesce(sum(CASE b.unit WHEN 'usd' THEN r.usd_set_aside
                WHEN 'tokens' THEN r.tokens_set_aside
                WHEN 'tool_calls' THEN r.tool_calls_set_aside
                WHEN 'retries' THEN r.retries_set_aside
                WHEN 'runs' THEN 1 END), 0) AS set_aside
            FROM tenant_runs AS r
            WHERE r.tenant_id = b.tenant_id AND r.status = 'running'
              AND b.name = CASE b.scope WHEN 'user' THEN r.user_id WHEN 'agent' THEN r.agent
                WHEN 'feature' THEN r.feature ELSE '' END) AS a
        WHERE b.began_at = date_trunc(b.period, now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'""",
    "agent_runs": """
        SELECT run_id, tenant_id, user_id, status, goal, current_step::integer AS current_step,
            latest_checkpoint_id, created_at AT TIME ZONE 'UTC' AS created_at,
            updated_at AT TIME ZONE 'UTC' AS updated_at,
            cancelled_at AT TIME ZONE 'UTC' AS cancelled_at,
            completed_at AT TIME ZONE 'UTC' AS completed_at
        FROM runs""",
    # Step 0 is the beginning of the run: the safe point of calls that no checkpoint precedes.
    "agent_checkpoints": """
        SELECT checkpoint_id, run_id, step_number::integer AS step_number,
            state_json::jsonb AS state_json, pending_action_json::jsonb AS pending_action_json,
            model_call_json::jsonb AS model_call_json, tool_call_json::jsonb AS tool_call_json,
            tool_result_json::jsonb AS tool_result_json, state_hash,
            created_at AT TIME ZONE 'UTC' AS created_at
        FROM checkpoints
        UNION ALL
        SELECT run_id || '/checkpoint/0', run_id, 0, fact::jsonb, NULL, NULL, NULL, NULL, hash,
            time AT TIME ZONE 'UTC'
        FROM run_events WHERE seq = 1 AND type = 'RunCreated'""",
    "tool_invocations": """
        SELECT t.tool_call_id, t.run_id,
            coalesce(t.checkpoint_id,
                (SELECT r.latest_checkpoint_id FROM runs AS r WHERE r.run_id = t.run_id),
                t.run_id || '/checkpoint/0') AS checkpoint_id,
            t.tool_name, t.arguments_json, t.status, t.idempotency_key, t.approval_status,
            t.started_at AT TIME ZONE 'UTC' AS started_at,
            t.completed_at AT TIME ZONE 'UTC' AS completed_at, t.error_json, t.result_json,
            t.tenant_id, t.model_call_id, t.tool_version, t.arguments_edited, t.reason,
            t.risk_level, t.policy_effect, t.decided_by, t.attempt, t.placement,
            t.proposed_at AT TIME ZONE 'UTC' AS proposed_at,
            t.decided_at AT TIME ZONE 'UTC' AS decided_at, t.latency_ms, t.repeated, t.cost_usd
        FROM tool_calls AS t""",
}
"""Each view's name and query, in the order in which they can be made."""
