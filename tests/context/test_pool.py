"""The context pool as a process, on a real broker."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from confluent_kafka import Consumer

from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.calls import ContextResult, Outcome
from runfold.events.contents.transcript import read
from runfold.events.topics import CONTEXT_CALLS, RESULTS
from runfold.infra.artifacts.files import FileArtifacts
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.producers.log.kafka import Publisher
from runfold.stack.settings import Settings
from tests.context.given import context_work
from tests.context.test_processor import ENTRIES, kept

pytestmark = pytest.mark.integration

CODEC = Codec(LockRegistry())


@contextmanager
def pool(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers}
    env["RUNFOLD_HOME"] = str(settings.home)
    process = subprocess.Popen([sys.executable, "-m", "runfold.processors.context"], env=env)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()


def results(process: subprocess.Popen[bytes], settings: Settings, count: int) -> list[object]:
    """Read the first results of the topic, while the pool lives."""
    reader = Consumer(
        {
            **settings.kafka_config(),
            "group.id": "test-results",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    found: list[object] = []
    with closing(reader):
        reader.subscribe([RESULTS])
        for _ in range(600):
            assert process.poll() is None, "the pool ended"
            message = reader.poll(0.1)
            if message is not None and message.error() is None:
                found.append(CODEC.decode(RESULTS, message.value()))
            if len(found) == count:
                return found
    raise AssertionError(f"only {len(found)} of {count} results came")


def test_selections_of_the_topic_are_made_and_reported(settings: Settings) -> None:
    artifacts = FileArtifacts(settings.home / "artifacts")
    works = [
        context_work(sources=kept(artifacts, *ENTRIES), budget=30, call_id="run-1.1"),
        context_work(sources=kept(MemoryArtifacts(), *ENTRIES[1:]), call_id="run-2.1"),
        context_work(*ENTRIES, budget=1, call_id="run-3.1"),
    ]
    publisher = Publisher(settings.kafka_config(), CODEC)
    publisher.publish_all(CONTEXT_CALLS, [(work, work.run_id) for work in works])
    with pool(settings) as process:
        reported = results(process, settings, len(works))
    assert process.returncode == 0
    found = {each.run_id: each for each in reported if isinstance(each, ContextResult)}
    content = found["run-1"].content
    assert content is not None
    assert content.inline is not None
    assert [entry.id for entry in read(content.inline)] == ["goal", "3", "4"]
    errors = {run_id: each.error.error_type for run_id, each in found.items() if each.error}
    assert errors == {"run-2": "content_unavailable", "run-3": "over_budget"}
    assert [found[run_id].outcome for run_id in sorted(found)] == [
        Outcome.SUCCEEDED,
        Outcome.FAILED,
        Outcome.FAILED,
    ]
