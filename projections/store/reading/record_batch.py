"""A batch of records as it was read: its items, and where it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runfold.events import topics
from runfold.projections.store.positions import Held, Place
from runfold.projections.view import (
    Batch,
    OfTenant,
    Placed,
    PlacedDeadLetter,
    Rows,
    Stored,
    Unreadable,
    View,
)

Item = Placed | PlacedDeadLetter | Stored | OfTenant | Unreadable
TopicPartition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records in the order they were read; ``begins`` are their first offsets, ``ends`` the next.

    A partition may move on without a record in it: transactions leave marks that nobody sees.
    ``rows`` are what each view, by name, makes of the whole of it, where it was folded already.
    """

    items: Sequence[Item]
    begins: dict[TopicPartition, int]
    ends: dict[TopicPartition, int]
    rows: Mapping[str, Rows] | None = None

    def halves(self) -> tuple[RecordBatch, RecordBatch]:
        """Return it as two batches, the second of which ends where this one does."""
        middle = len(self.items) // 2
        first, second = self.items[:middle], self.items[middle:]
        ends = {place_of(item): item.offset + 1 for item in first}
        return RecordBatch(first, _begins(first), ends), RecordBatch(
            second, _begins(second), self.ends
        )

    def is_new_to(self, view: View, held: dict[Place, Held]) -> bool:
        """Return whether a view has seen nothing of it."""
        return all(
            held[Place(view.name, topic, partition)].next_offset <= begin
            for (topic, partition), begin in self.begins.items()
            if topic in view.topics
        )

    def unseen_by(self, view: View, held: dict[Place, Held]) -> list[Item]:
        """Return the items that a view has not seen yet and is made from."""
        return [
            item
            for item in self.items
            if (topic := (place := place_of(item))[0]) in view.topics
            and item.offset >= held[Place(view.name, topic, place[1])].next_offset
        ]

    def moves(self, held: dict[Place, Held], views: list[View]) -> dict[Place, Held]:
        """Return the positions that reading this batch moves, and where to."""
        return {
            place: Held(end, held[place].epoch, held[place].topic_id)
            for view in views
            for (topic, partition), end in self.ends.items()
            if topic in view.topics
            and held[place := Place(view.name, topic, partition)].next_offset < end
        }


def batch_of(items: Sequence[Item]) -> Batch:
    """Return the items of a batch, by kind."""
    batch = Batch()
    for item in items:
        match item:
            case Placed():
                batch.events.append(item)
            case PlacedDeadLetter():
                batch.dead_letters.append(item)
            case Stored():
                batch.stored.append(item)
            case OfTenant():
                batch.tenants.append(item)
            case Unreadable():
                batch.unreadable.append(item)
    return batch


def place_of(item: Item) -> TopicPartition:
    """Return the topic and partition where an item stands."""
    match item:
        case Placed():
            return topics.EVENTS, item.partition
        case PlacedDeadLetter():
            return topics.DEAD_LETTERS, item.partition
        case Stored():
            return topics.REGISTRY, item.partition
        case OfTenant():
            return topics.TENANT_EVENTS, item.partition
        case Unreadable():
            return item.topic, item.partition


def _begins(items: Sequence[Item]) -> dict[TopicPartition, int]:
    return {place_of(item): item.offset for item in reversed(items)}
