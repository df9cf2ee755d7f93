"""An event of the journal: a fact with its place in the run's chain."""

from __future__ import annotations

from dataclasses import dataclass

from runfold.events.base import GENESIS, Fact, Record, Timestamp
from runfold.events.values import Actor, RunStatus

__all__ = ["GENESIS", "Event", "Meta"]


class Meta(Record):
    """The head of every journal event.

    ``seq`` counts 1, 2, 3 … within the run; ``status`` is the run's status after the event;
    ``cause`` is ``topic/partition/offset`` of the input, ``local/…`` of a result that came
    through memory, or ``timer/…``; ``prev_hash`` is the sha256 of the previous event's value;
    ``definitions`` is the position of the definitions that the event was decided with, None in
    events of releases that did not say it: there it is the one that the run began with.
    """

    run_id: str
    seq: int
    tenant_id: str
    time: Timestamp
    status: RunStatus
    cause: str
    actor: Actor
    traceparent: str
    prev_hash: bytes
    definitions: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A fact as it stands in the journal."""

    meta: Meta
    fact: Fact

    @property
    def id(self) -> str:
        """The event's id on the wire: ``run_id/seq``."""
        return f"{self.meta.run_id}/{self.meta.seq}"

    @property
    def type(self) -> str:
        """The record's name on the wire."""
        return type(self.fact).__name__
