"""The two logs that the contract is run on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.topics import TOPICS
from runfold.infra.deployment.naming import option_of
from runfold.infra.kafka import clients
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.producers.log.memory import MemoryLog
from runfold.producers.log.port import LogReader, LogWriter

CODEC = Codec(LockRegistry())


class Raw(Protocol):
    """Appends any bytes, sound or not."""

    def __call__(self, topic: str, value: bytes | None, key: str) -> None: ...


@dataclass
class Log:
    writer: LogWriter
    reader: LogReader
    raw: Raw


def memory_log() -> Log:
    log = MemoryLog(CODEC, [topic.name for topic in TOPICS])
    return Log(log, log, lambda topic, value, key: log.append(topic, value, key.encode()) and None)


def kafka_log(bootstrap_servers: str, deployment: str = "") -> Log:
    config = {"bootstrap.servers": bootstrap_servers, **option_of(deployment)}

    def raw(topic: str, value: bytes | None, key: str) -> None:
        producer = clients.producer({**config, "partitioner": "murmur2_random"})
        producer.produce(topic, value=value, key=key)
        assert producer.flush(20) == 0

    return Log(Publisher(config, CODEC, "runfold/test"), TopicReader(config, CODEC), raw)
