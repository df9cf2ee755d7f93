"""The past under other price tables: what it would have cost, beside what it did."""

from __future__ import annotations

from sqlalchemy import Index, Table

from runfold.projections.tables.base import METADATA, count, document, moment, text, usd, whole

repricings = Table(
    "repricings",
    METADATA,
    text("repricing", "its name: the price table's file, unless another was given", key=True),
    document("prices_json", "the prices that were asked about, by model or pattern", null=False),
    moment("since", "answers before this are left out; null where none are"),
    document("journal_ends_json", "up to which offsets of the journal it reaches", null=False),
    count("calls", "model answers in it"),
    count("unpriced_before", "those of them whose price is not on record"),
    count("unpriced_after", "those of them that these prices leave without a price"),
    count("compared", "those of them that have a price both ways"),
    usd("recorded_usd", "what is on record for those compared", null=False),
    usd("repriced_usd", "what these cost at the prices asked about", null=False),
    moment("made_at", "when it was made", null=False),
    comment="Questions of the kind: what would the past have cost? The record is not touched.",
)

repriced_costs = Table(
    "repriced_costs",
    METADATA,
    text("repricing", "the row of repricings it belongs to", key=True),
    text("run_id", "the run", key=True),
    whole("seq", "the event that the cost comes from", key=True),
    text("tenant_id", "who pays", null=False),
    text("user_id", "who asked for the run", null=False),
    text("agent", "the agent", null=False),
    text("feature", "the feature of the product"),
    text("model", "the model that answered", null=False),
    whole("input_tokens", "tokens read, cache reads and writes included", null=False),
    whole("output_tokens", "tokens written", null=False),
    usd("recorded_usd", "what is on record; null where no price is"),
    usd("repriced_usd", "what it costs at the prices asked about; null where they have none"),
    moment("time", "when the answer came in", null=False),
    Index("repriced_costs_by_tenant", "repricing", "tenant_id"),
    comment="One row a model answer, as it would have cost under another price table.",
)
