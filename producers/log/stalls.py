"""What a stall watch looks at: where the log ends, and whether records stand before that."""

from __future__ import annotations

from collections.abc import Callable

from runfold.infra.process.stall import Positions, StallWatch
from runfold.infra.settings.config import Config
from runfold.producers.errors import LogError, UnreadableError
from runfold.producers.log.consumers import Settings
from runfold.producers.log.kafka_tail import KafkaEnds, KafkaTail
from runfold.producers.log.tail import Place, firsts

_ANSWER_S = 5.0


class KafkaLook:
    """Looks at the log with clients of its own: those of the process may be what has stalled."""

    def __init__(self, kafka: Settings) -> None:
        self._kafka = kafka
        self._ends = KafkaEnds(kafka)

    def ends(self, places: list[Place]) -> Positions | None:
        """Return the last stable offsets, None where nobody answers."""
        try:
            return self._ends.stable(places, _ANSWER_S)
        except LogError:
            return None

    def firsts(self, positions: Positions, until: Callable[[], bool]) -> dict[Place, int | None]:
        """Return the offset of the first record from each position on, None where none is."""
        tail = KafkaTail(self._kafka)
        try:
            found = firsts(tail, positions, until)
        finally:
            tail.close()
        # What nobody can read has not stalled: its reader says so itself.
        return {
            place: None if isinstance(one, int) else one.offset() or 0
            for place, one in found.items()
            if not isinstance(one, UnreadableError)
        }


def stall_watch(
    config: Config, reading: Callable[[], Positions], stalled: Callable[[str], None]
) -> StallWatch:
    """Return a watch over what a process reads; it calls ``stalled`` once, with the reason."""
    return StallWatch(KafkaLook(config.kafka), reading, config.stall_after, stalled)
