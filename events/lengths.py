"""How long a text of a record may be, in characters, by the name of its field.

What comes from outside is held against this where it enters (``events/border.py``). Names and ids
stand in indexes, whose entries are bounded; what people read is bounded so that no record can
become too large for the log. Contents are not texts: they have a size of their own.
"""

from __future__ import annotations

NAME = 256
"""Ids, names, versions, words of a vocabulary: what is looked up, and stands in indexes."""

FOREIGN_ID = 1_024
"""Ids that a provider made: some carry a signature."""

PROSE = 10_000
"""What people or models read; the length of every text that is not listed."""

_NAMES = (
    "actor_id",
    "agent",
    "agent_version",
    "by",
    "call_id",
    "code",
    "credential",
    "error_type",
    "feature",
    "finish_reason",
    "key",
    "kind",
    "media_type",
    "model",
    "name",
    "on_behalf_of",
    "parent_call_id",
    "parent_run_id",
    "pointer",
    "provider",
    "question_id",
    "region",
    "request_id",
    "response_profile",
    "roles",
    "root_run_id",
    "run_id",
    "scopes",
    "source",
    "tenant_id",
    "thread_id",
    "tool",
    "trace_id",
    "user_id",
    "variant",
    "version",
)
_FOREIGN = ("id", "ref", "response_id", "provider_call_id")

LONGEST = {**dict.fromkeys(_NAMES, NAME), **dict.fromkeys(_FOREIGN, FOREIGN_ID)}

MOST_ITEMS = 1_000
"""How many things a list of a record from outside may hold."""


def longest(field: str) -> int:
    """Return how many characters a text field may hold."""
    return LONGEST.get(field, PROSE)
