"""How far each view is, who may write it, and what could not be written."""

from __future__ import annotations

from sqlalchemy import Table

from runfold.projections.tables.base import METADATA, moment, text, whole

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
