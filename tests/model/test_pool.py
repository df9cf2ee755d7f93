"""The model pool as a process, on a real broker."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest
from confluent_kafka import Consumer

from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.calls import ModelResult, Outcome
from runfold.events.topics import MODEL_CALLS, REGISTRY, RESULTS
from runfold.processors.definitions.record import announce, key
from runfold.producers.log.kafka import Publisher
from runfold.stack.settings import Settings
from tests.model.given import script, work

pytestmark = pytest.mark.integration


@contextmanager
def pool(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    own = {name: os.environ[name] for name in os.environ if not name.endswith(("_KEY", "_MODEL"))}
    env = {**own, "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers}
    env["RUNFOLD_HOME"] = str(settings.home)
    process = subprocess.Popen([sys.executable, "-m", "runfold.processors.model"], env=env)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()


def results(
    process: subprocess.Popen[bytes], settings: Settings, codec: Codec, count: int
) -> list[ModelResult]:
    """Read the first results of the topic, at most 60 seconds long."""
    reader = Consumer(
        {
            **settings.kafka_config(),
            "group.id": "test-results",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    found: list[ModelResult] = []
    with closing(reader):
        reader.subscribe([RESULTS])
        for _ in range(150):
            assert process.poll() is None, "the pool ended"
            message = reader.poll(0.1)
            if message is not None and message.error() is None:
                record = codec.decode(RESULTS, message.value())
                assert isinstance(record, ModelResult)
                found.append(record)
            if len(found) == count:
                return found
    raise AssertionError(f"only {len(found)} of {count} results came")


def test_calls_of_the_topic_are_made_and_reported(settings: Settings) -> None:
    codec = Codec(LockRegistry())
    publisher = Publisher(settings.kafka_config(), codec)
    model_script = script({"text": "from the pool"})
    publisher.publish(
        REGISTRY, announce(model_script, "test", datetime.now(UTC)), key(model_script)
    )
    wanted = [
        work(run_id=f"run-{n}", call_id=f"run-{n}.1", model=model)
        for n, model in enumerate(("scripted:demo", "scripted:none", "default:demo"))
    ]
    publisher.publish_all(MODEL_CALLS, [(one, one.run_id) for one in wanted])
    with pool(settings) as process:
        reported = results(process, settings, codec, len(wanted))
        found = {result.call_id: result for result in reported}
    assert process.returncode == 0
    outcomes = [found[one.call_id].outcome for one in wanted]
    assert outcomes == [Outcome.SUCCEEDED, Outcome.FAILED, Outcome.SUCCEEDED]
    answer = found["run-0.1"].answer
    assert answer is not None
    assert answer.text is not None
    assert answer.text.inline == b"from the pool"
