"""Which records travel on which topic, as one codec reads and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.catalogue import CATALOGUE


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The records of every topic, and which topic is what.

    Values on ``inputs`` may not exceed the size of an input. Only processors of ours write to
    ``journal``, ``completions`` and the ``other`` journals, so what they hold was valid when it was
    written.
    """

    records: Mapping[str, tuple[type[Record], ...]]
    journal: str
    completions: str | None
    inputs: frozenset[str]
    other: frozenset[str] = frozenset()

    @property
    def ours(self) -> frozenset[str]:
        """The topics whose values need no validation."""
        return frozenset({self.journal, self.completions or self.journal, *self.other})


RUNS = Vocabulary(
    CATALOGUE,
    topics.EVENTS,
    topics.COMPLETIONS,
    frozenset({topics.REQUESTS, topics.CONTROLS, topics.RESULTS}),
    frozenset({topics.TENANT_EVENTS}),
)
"""What Runfold itself reads and writes."""

TENANTS = Vocabulary(CATALOGUE, topics.TENANT_EVENTS, None, frozenset({topics.TENANT_REQUESTS}))
"""The same as the lanes of tenants read and write it."""
