"""What of a context a model is shown, and what is left out."""

from __future__ import annotations

from runfold.events.base import Record, Said, SaidBytes


class ContextRef(Record):
    """One thing that the model will see."""

    kind: str
    id: str
    digest: SaidBytes


class DroppedContext(Record):
    """One thing that was left out of the context, and why."""

    ref: ContextRef
    reason: Said
