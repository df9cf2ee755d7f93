"""A consumer of places that come and go one by one, each paused and resumed by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confluent_kafka import TopicPartition

from runfold.producers.log.consumers import Settings, commit, consumer_of, known_ends, read
from runfold.producers.log.tail import Place, Portion, Positions


class ChangingConsumer:
    """Reads exactly the places that were added; all calls from one thread.

    It is a member of no group: ``group`` is the name under which it commits offsets.
    """

    def __init__(self, kafka: Settings, group: str, own: Settings | None = None) -> None:
        self._consumer = consumer_of(kafka, {"group.id": group, **(own or {})})

    def add(self, positions: Positions) -> None:
        """Read these places too, from these offsets on."""
        self._consumer.incremental_assign(
            [TopicPartition(topic, number, at) for (topic, number), at in positions.items()]
        )

    def remove(self, places: Iterable[Place]) -> None:
        """Read these places no more. One that is paused must be resumed before."""
        self._consumer.incremental_unassign(_named(places))

    def pause(self, places: Iterable[Place]) -> None:
        """Fetch nothing more of these places."""
        self._consumer.pause(_named(places))

    def resume(self, places: Iterable[Place]) -> None:
        """Go on with these places."""
        self._consumer.resume(_named(places))

    def take(self, most: int, wait_s: float) -> Portion:
        """Return what is there; empty after ``wait_s`` seconds of nothing."""
        return read(self._consumer, most, wait_s)

    def positions(self, places: Iterable[Place]) -> Mapping[Place, int]:
        """Return the next offset of these places, below 0 where nothing was read yet."""
        asked = _named(places)
        found = self._consumer.position(asked) if asked else []
        return {(place.topic, place.partition): place.offset for place in found}

    def known_ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the high watermarks as of the last fetch, of those places where it is known."""
        return known_ends(self._consumer, places)

    def commit(self, positions: Positions) -> None:
        """Commit next offsets without waiting; raises LogError."""
        commit(self._consumer, positions, wait=False)

    def close(self) -> None:
        """Release the connections."""
        self._consumer.close()


def _named(places: Iterable[Place]) -> list[TopicPartition]:
    return [TopicPartition(*place) for place in places]
