"""The clients of Kafka, which all of Runfold makes here: they know the deployment's name.

Who uses them writes and reads plain names. Groups and transactional ids stand in the settings,
topics in the calls and the answers (``infra.deployment.naming``).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import Consumer, Producer

from runfold.infra.deployment.naming import OPTION, Naming, naming_of
from runfold.infra.kafka.named.admin import Admin
from runfold.infra.kafka.named.consumer import NamedConsumer
from runfold.infra.kafka.named.producer import NamedProducer

__all__ = ["Admin", "Consumer", "Producer", "admin", "consumer", "producer"]

_NAMED: Final = ("group.id", "transactional.id")
_CLIENT: Final = "client.id"


def consumer(kafka: Mapping[str, Any], logger: logging.Logger | None = None) -> Consumer:
    """Return a consumer; raises KafkaException where its settings cannot be used."""
    naming, settings = _split(kafka, logger)
    return NamedConsumer(naming, settings) if naming.deployment else Consumer(settings)


def producer(kafka: Mapping[str, Any], logger: logging.Logger | None = None) -> Producer:
    """Return a producer; raises KafkaException where its settings cannot be used."""
    naming, settings = _split(kafka, logger)
    return NamedProducer(naming, settings) if naming.deployment else Producer(settings)


def admin(kafka: Mapping[str, Any], logger: logging.Logger | None = None) -> Admin:
    """Return a client that asks and changes; raises KafkaException for unusable settings."""
    return Admin(*_split(kafka, logger))


def _split(
    kafka: Mapping[str, Any], logger: logging.Logger | None
) -> tuple[Naming, dict[str, Any]]:
    naming = naming_of(kafka)
    settings = {name: value for name, value in kafka.items() if name != OPTION}
    for name in _NAMED:
        if name in settings:
            settings[name] = naming.full(settings[name])
    if naming.deployment:
        # By it brokers tell clients apart in their logs, metrics and quotas.
        settings.setdefault(_CLIENT, f"runfold-{naming.deployment}")
    if logger is not None:
        settings["logger"] = logger
    return naming, settings
