"""Where a client connects to: what is given, else the environment, else the stack of this home."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runfold.events.avro.codec import Codec
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.producers.schema_registry.chosen import registry_of
from runfold.stack.control import attach_log
from runfold.stack.settings import Settings


@dataclass(frozen=True, slots=True)
class Connection:
    """A writer and a reader of one Kafka."""

    writer: Publisher
    reader: TopicReader


def connection(bootstrap_servers: str | None, schema_registry_url: str | None) -> Connection:
    """Return a connection; raises StackError where no Kafka is named and no stack runs here."""
    settings = Settings.from_env()
    if schema_registry_url is not None:
        settings = replace(settings, schema_registry_url=schema_registry_url)
    if bootstrap_servers is not None:
        settings = replace(settings, bootstrap_servers=bootstrap_servers)
    elif not settings.bootstrap_servers:
        settings = attach_log(settings)
    codec = Codec(registry_of(settings.schema_registry_url))
    writer = Publisher(settings.producer_config(), codec, "runfold/client")
    return Connection(writer, TopicReader(settings.kafka_config(), codec))
