"""Which topic it is that has a name now: one that was created again has another id."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from confluent_kafka import KafkaException, TopicCollection

from runfold.infra.process.looking import Looking
from runfold.producers.errors import LogError, translated
from runfold.producers.log.consumers import Settings, admin_of

_ANSWER_S = 10.0
_EVERY_S = 5.0
_AGAIN = "~"


def topic_ids(kafka: Settings, names: Iterable[str]) -> dict[str, str]:
    """Return the id of each topic; raises LogError, a RefusedError where there is no such topic."""
    admin = admin_of(kafka)
    try:
        asked = admin.describe_topics(TopicCollection(list(names)), request_timeout=_ANSWER_S)
        return {name: str(future.result().topic_id) for name, future in asked.items()}
    except KafkaException as error:
        raise translated(error, "asking which topics are there") from error


def is_of(noted: str, now: str) -> bool:
    """Return whether what was noted with an id belongs to the topic that has this id now."""
    return noted.partition(_AGAIN)[0] == now


def begun_again(now: str, moment: int) -> str:
    """Return an id for a topic that is the same, and has lost its end."""
    return f"{now}{_AGAIN}{moment}"


class TopicIdWatch(Looking):
    """Calls ``changed``, once, with a sentence, when a topic is another one than at the start."""

    def __init__(
        self,
        kafka: Settings,
        names: Iterable[str],
        changed: Callable[[str], None],
        every_s: float = _EVERY_S,
    ) -> None:
        super().__init__("topic-id-watch", every_s, LogError)
        self._kafka = kafka
        self._names = tuple(names)
        self._changed = changed
        self._known: dict[str, str] = {}

    @property
    def looked(self) -> bool:
        """Whether it knows which topics there were."""
        return bool(self._known)

    def look(self) -> bool:
        """Ask for the ids; return whether one has changed."""
        now = topic_ids(self._kafka, self._names)
        other = [name for name in self._names if self._known.get(name, now[name]) != now[name]]
        if other:
            self._changed(f"the topic {other[0]} was deleted and created again")
        self._known = now
        return bool(other)
