"""A producer to one deployment's topics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from runfold.infra.deployment.naming import Naming
from runfold.infra.kafka.named.places import asked_topics, plain_message, plain_topics

Delivered = Callable[[KafkaError | None, Message], None]


class NamedProducer(Producer):
    """Takes and gives plain names. The transactional id of its settings is full already."""

    def __init__(self, naming: Naming, settings: Mapping[str, Any]) -> None:
        given = dict(settings)
        if (on_delivery := given.get("on_delivery")) is not None:
            given["on_delivery"] = _heard(naming, on_delivery)
        super().__init__(given)
        self._naming = naming

    def produce(
        self,
        topic: str,
        *given: Any,
        on_delivery: Delivered | None = None,
        **named: Any,
    ) -> None:
        """Send a record."""
        if on_delivery is not None:
            named["on_delivery"] = _heard(self._naming, on_delivery)
        super().produce(self._naming.full(topic), *given, **named)

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> Any:
        """Return brokers and the deployment's topics."""
        found = super().list_topics(**asked_topics(self._naming, topic), timeout=timeout)
        return plain_topics(self._naming, found)


def _heard(naming: Naming, call: Delivered) -> Delivered:
    return lambda error, message: call(error, plain_message(naming, message))
