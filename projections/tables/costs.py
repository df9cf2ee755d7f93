"""Costs, attributed at the event itself."""

from __future__ import annotations

from sqlalchemy import Index, Table

from runfold.projections.tables.base import METADATA, moment, text, usd, whole

costs = Table(
    "costs",
    METADATA,
    text("run_id", "the run", key=True),
    whole("seq", "the event that the cost comes from", key=True),
    text("kind", "model or tool", null=False),
    text("call_id", "the call", null=False),
    whole("attempt", "which attempt of the call; those above 1 are what repeats cost", null=False),
    text("tenant_id", "who pays", null=False),
    text("user_id", "who asked for the run", null=False),
    text("agent", "the agent", null=False),
    text("agent_version", "the version of the agent", null=False),
    text("prompt_version", "the version of the prompt", null=False),
    text("model", "the model that answered; null for tools"),
    text("provider", "who served the model"),
    text("tool", "the tool; null for models"),
    text("feature", "the feature of the product"),
    text("skill", "the skill that was at work"),
    text("variant", "the experiment's arm"),
    whole("input_tokens", "tokens read, cache reads and writes included", null=False),
    whole("output_tokens", "tokens written", null=False),
    whole("cache_read_tokens", "of the tokens read, those from the cache", null=False),
    whole("cache_write_tokens", "of the tokens read, those written to the cache", null=False),
    usd("cost_usd", "what it cost; null where no price is known, never zero instead"),
    moment("time", "when the answer came in", null=False),
    Index("costs_by_tenant", "tenant_id", "time"),
    comment="One row an answer that costs: whom and what it belongs to. Rows of the tenant "
    "runfold-probe are Runfold's own.",
)
