"""The dispatcher on a real broker: what is paused, taken away and given back is read again."""

from __future__ import annotations

import dataclasses

import pytest
from confluent_kafka import Producer

from runfold.events import topics
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.kafka.inputs.inbox import Inbox
from runfold.processors.engine.kafka.inputs.input_router import InputRouter
from runfold.stack.settings import Settings
from tests.support.stack import wait_until

pytestmark = pytest.mark.integration


def _publish(settings: Settings, count: int) -> None:
    producer = Producer(settings.producer_config())
    for number in range(count):
        producer.produce(topics.CONTROLS, b"%d" % number, b"run", partition=0)
    assert producer.flush(20) == 0


def test_a_partition_that_was_paused_is_read_again_by_its_next_lane(settings: Settings) -> None:
    config = EngineConfig(settings.kafka_config(), settings.partitions)
    dispatcher = InputRouter(
        dataclasses.replace(config, max_waiting=3), (topics.REQUESTS, topics.CONTROLS), "positions"
    )
    first, second = Inbox(), Inbox()
    _publish(settings, 10)
    dispatcher.start()
    try:
        dispatcher.add(0, first, {})
        wait_until(lambda: dispatcher._paused == {0})
        dispatcher.drop(0)
        dispatcher.add(0, second, {topics.CONTROLS: 9})
        wait_until(lambda: len(second) == 1)
        _publish(settings, 1)
        wait_until(lambda: len(second) == 2)
    finally:
        dispatcher.stop()
    assert len(first) == 10
