"""Tenants: the runs that asked to be admitted, and what was used of each budget."""

from __future__ import annotations

from sqlalchemy import Index, Table
from sqlalchemy import text as literal

from runfold.projections.tables.base import (
    ADD_IF_ANY,
    KEEP,
    METADATA,
    ROOM_TO_CHANGE,
    flag,
    moment,
    small,
    text,
    usd,
    whole,
)

OPEN = literal("status in ('queued', 'running')")
"""The condition of an index over the runs that a tenant has: few among all that it ever had."""

tenant_runs = Table(
    "tenant_runs",
    METADATA,
    text("run_id", "the run", key=True),
    text("tenant_id", "whom it asked", null=False),
    text("user_id", "who asked for the run", null=False),
    text("agent", "the agent", null=False),
    text("feature", "the feature of the product"),
    small("priority", "the priority that it asked with", null=False),
    text("status", "queued, running, returned or refused", null=False),
    text("reason", "why it waits or was refused"),
    text("code", "why it was refused, as a code"),
    whole("queue_position", "its place in the queue when it was put there, 1 the next one"),
    moment(
        "queued_at",
        "when it was put into the queue; null where it was admitted at once",
        merge=KEEP,
    ),
    moment("admitted_at", "when it was admitted"),
    moment("ended_at", "when it was refused, or given back to the tenant"),
    usd("usd_set_aside", "US dollars set aside on its admission and for what more it asked"),
    usd("tokens_set_aside", "tokens set aside"),
    usd("tool_calls_set_aside", "tool calls set aside"),
    usd("retries_set_aside", "retries set aside, where the tenant's policy counts them"),
    usd("usd_used", "US dollars that it used, as it told its tenant", merge=ADD_IF_ANY),
    usd("tokens_used", "tokens that it used", merge=ADD_IF_ANY),
    usd("tool_calls_used", "tool calls that it used", merge=ADD_IF_ANY),
    usd("retries_used", "calls that it made again", merge=ADD_IF_ANY),
    Index("tenant_runs_open", "tenant_id", "status", postgresql_where=OPEN),
    comment="One row a run that asked its tenant to be admitted: those of tenants with a policy.",
    postgresql_with=ROOM_TO_CHANGE,
)

tenant_budgets = Table(
    "tenant_budgets",
    METADATA,
    text("tenant_id", "the tenant", key=True),
    text("scope", "whose use is counted: tenant, user, agent or feature", key=True),
    text("name", "which user, agent or feature; empty for the whole tenant", key=True),
    text("unit", "usd, tokens, runs, tool_calls; retries and calls of a retry budget", key=True),
    text("period", "hour, day or month, in UTC", key=True),
    moment("began_at", "when the period began", null=False, key=True),
    usd("used", "what was booked in the period", null=False),
    usd(
        "limit_amount",
        "how much may be used, by the policy of the last booking; null for retries and calls",
    ),
    usd("soft_amount", "from how much on there is an alert; null where there is none"),
    flag("alerted", "whether the alert of the period is on record"),
    moment("updated_at", "when it was booked last", null=False),
    comment="One row a budget and period in which something was booked; what is set aside is in "
    "tenant_budget_use.",
    postgresql_with=ROOM_TO_CHANGE,
)

tenant_erasures = Table(
    "tenant_erasures",
    METADATA,
    text("tenant_id", "the tenant", key=True),
    moment("erased_at", "when its keys were destroyed last", null=False),
    comment="Tenants that were erased: their runs up to then have no summary on runs.summaries.",
)
