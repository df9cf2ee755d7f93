"""What agents, tools and rules were used for, counted from the views."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, func, select
from sqlalchemy.dialects.postgresql import JSONB

from runfold.projections.queries.scope import Row, Views
from runfold.projections.tables import policy_decisions, runs, tool_calls

MOST = 50_000
"""How many rows one question returns at the most."""


def tools_used(views: Views, since: datetime) -> list[Row]:
    """Return calls that began, by tenant, agent and tool: how many since then, and the last."""
    last = func.max(tool_calls.c.started_at).label("last_used")
    calls = func.count().filter(tool_calls.c.started_at >= since).label("calls")
    columns = (runs.c.tenant_id, runs.c.agent, tool_calls.c.tool_name)
    joined = tool_calls.join(runs, runs.c.run_id == tool_calls.c.run_id)
    query = select(*columns, calls, last).select_from(joined)
    query = query.where(tool_calls.c.started_at.is_not(None), views.counts(runs))
    return views.all(query.group_by(*columns).order_by(*columns).limit(MOST))


def runs_started(views: Views, since: datetime) -> list[Row]:
    """Return runs by tenant, user and agent: how many were asked for since then, and the last."""
    last = func.max(runs.c.created_at).label("last_run")
    count = func.count().filter(runs.c.created_at >= since).label("runs")
    columns = (runs.c.tenant_id, runs.c.user_id, runs.c.agent)
    query = select(*columns, count, last).where(views.counts(runs))
    return views.all(query.group_by(*columns).order_by(*columns).limit(MOST))


def rules_used(views: Views, since: datetime) -> list[Row]:
    """Return the decisions that each rule was behind, by tenant and the rule's id."""
    ids = func.jsonb_array_elements_text(policy_decisions.c.policy_ids_json.cast(JSONB))
    each = (
        select(policy_decisions.c.tenant_id, policy_decisions.c.time, ids.label("rule"))
        .where(views.sees(policy_decisions))
        .subquery()
    )
    rule = each.c.rule.cast(String)
    decisions = func.count().filter(each.c.time >= since).label("decisions")
    last = func.max(each.c.time).label("last_used")
    query = select(each.c.tenant_id, rule.label("rule"), decisions, last)
    return views.all(query.group_by(each.c.tenant_id, rule).limit(MOST))
