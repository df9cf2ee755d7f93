"""What every client of a process begins with."""

from __future__ import annotations

from confluent_kafka import Consumer, Producer

from runfold.infra.settings.config import Config

ENV = {"KAFKA_BOOTSTRAP_SERVERS": "one:9092,two:9092", "KAFKA_SASL_USERNAME": "me"}


def test_every_client_looks_for_a_lost_broker_twice_a_second() -> None:
    kafka = Config.from_env(ENV).kafka
    assert kafka["reconnect.backoff.max.ms"] == "500"
    assert kafka["bootstrap.servers"] == "one:9092,two:9092"
    assert kafka["sasl.username"] == "me"


def test_clients_take_the_settings() -> None:
    kafka = Config.from_env(ENV).kafka
    own = {name: value for name, value in kafka.items() if name != "partitioner"}
    Consumer({**own, "group.id": "test", "log_level": 0}).close()
    # Its length also counts errors of brokers that are not there.
    assert Producer({**kafka, "log_level": 0}).list_topics is not None
