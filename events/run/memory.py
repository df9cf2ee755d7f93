"""What an agent remembers beyond its run [71]; no decider writes these yet."""

from __future__ import annotations

from runfold.events.base import Fact, Said
from runfold.events.contents.content import Content
from runfold.events.traits import Traits

__all__ = ["MemoryWriteCommitted", "MemoryWriteProposed", "MemoryWriteRejected"]


class MemoryWriteProposed(Fact):
    """The agent proposed to remember something [71]."""

    traits = Traits(
        reads="proposes to remember {memory_type} of {subject}",
        moment="{memory_type}",
        reserved=True,
    )

    memory_id: str
    memory_type: str
    scope: str
    subject: Said
    content: Content
    confidence: float = 0.0
    requires_user_confirmation: bool = False


class MemoryWriteCommitted(Fact):
    """A proposed memory was stored."""

    traits = Traits(reads="remembers {memory_id}", moment="{memory_id}", reserved=True)

    memory_id: str


class MemoryWriteRejected(Fact):
    """A proposed memory was not stored."""

    traits = Traits(
        reads="does not remember {memory_id}: {reason}",
        moment="{memory_id}",
        reserved=True,
    )

    memory_id: str
    reason: Said
