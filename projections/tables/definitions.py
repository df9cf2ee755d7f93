"""What is published in the definition store, and what was decided about it."""

from __future__ import annotations

from sqlalchemy import Index, Table

from runfold.projections.tables.base import KEEP, METADATA, moment, text, tristate, whole

definition_versions = Table(
    "definition_versions",
    METADATA,
    text("kind", "agent, tool or playbook (a model script)", key=True),
    text("name", "its name", key=True),
    text("version", "its version", key=True),
    text("tenant", "whose it is; empty where it belongs to all", key=True),
    text("digest", "sha256 of its body, hexadecimal", null=False, merge=KEEP),
    text("description", "what it says of itself", merge=KEEP),
    text("effect", "of a tool: what it changes in the world, as its contract says", merge=KEEP),
    tristate(
        "reversible", "of a tool: whether that can be undone, as its contract says", merge=KEEP
    ),
    moment("published_at", "when it was published", null=False, merge=KEEP),
    text("published_by", "who published it", null=False, merge=KEEP),
    whole("position", "the offset of its record on the topic registry", null=False, merge=KEEP),
    comment="Every published version, once and for good; `definitions` adds what holds for it.",
)

definition_decisions = Table(
    "definition_decisions",
    METADATA,
    whole("position", "the offset of the record on the topic registry", key=True),
    text("kind", "agent, tool or playbook (a model script)", null=False, merge=KEEP),
    text("name", "the name it is about", null=False, merge=KEEP),
    text("tenant", "for whom; empty where it holds for all", null=False, merge=KEEP),
    text("action", "released, retired, restored, withdrawn or aliased", null=False, merge=KEEP),
    text("target", "the version, or what an alias leads to; null undoes it", merge=KEEP),
    text("live_runs", "finish or refuse, where a version was withdrawn", merge=KEEP),
    text("reason", "why", null=False, merge=KEEP),
    moment("decided_at", "when", null=False, merge=KEEP),
    text("decided_by", "who", null=False, merge=KEEP),
    Index("definition_decisions_by_name", "kind", "name", "position"),
    comment="Every release, retirement, withdrawal and alias; the last one holds.",
)
