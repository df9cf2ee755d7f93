"""How far each view is, who may write it, and what could not be written."""

from __future__ import annotations

from sqlalchemy import Index, Table

from runfold.projections.tables.base import METADATA, ROOM_TO_CHANGE, moment, text, whole

projection_positions = Table(
    "projection_positions",
    METADATA,
    text("view", "the view", key=True),
    text("topic", "the topic it is made from", key=True),
    whole("topic_partition", "the partition of it", key=True),
    whole("next_offset", "everything before this offset is in the view", null=False, default="0"),
    whole(
        "epoch",
        "counts the projectors that took this partition; only the last may write",
        null=False,
        default="0",
    ),
    text("owner", "the projector that took it last", null=False, default="''"),
    text(
        "topic_id",
        "the id of the topic that the offset is of; empty where nobody noted it",
        null=False,
        default="''",
    ),
    comment="How far each view is, written in one transaction with its rows.",
)

projection_failures = Table(
    "projection_failures",
    METADATA,
    text("view", "the view that could not take the event", key=True),
    text("topic", "where the event is", key=True),
    whole("topic_partition", "its partition there", key=True),
    whole("topic_offset", "its offset there", key=True),
    text("run_id", "the run it belongs to"),
    whole("seq", "its number in the run"),
    text("error", "why it could not be taken", null=False),
    moment("time", "when the event was written"),
    comment="Events that a view could not take: the view goes on without them until it is rebuilt.",
)

summaries_due = Table(
    "summaries_due",
    METADATA,
    text("run_id", "the run", key=True),
    whole("journal_partition", "its partition of runs.events", null=False),
    whole("mark", "the transaction that noted it last", null=False),
    Index("summaries_due_by_partition", "journal_partition", "run_id"),
    comment="Runs whose summary on the topic runs.summaries is not that of their row yet; a note "
    "is written with the row and goes once the summary is durable.",
    postgresql_with=ROOM_TO_CHANGE,
)
