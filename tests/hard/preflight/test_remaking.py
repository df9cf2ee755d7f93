"""An input topic that was given more partitions is made again, and no request is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]

from runfold.events import topics
from runfold.infra.process.exit_codes import ExitCode
from runfold.producers.client import RunClient
from runfold.producers.errors import RefusedError
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.stack.errors import StackError
from runfold.stack.kafka import remaking
from runfold.stack.kafka.spool import Kept, Spool
from runfold.stack.settings import Settings
from tests.support.builders.history import CODEC
from tests.support.stack import fresh_topics, wait_until

ROOT = Path(__file__).parents[3]
MANY = 24
"""So many keys lie in every one of eight partitions, as good as certainly."""

RECORDS = [
    Kept(3, b"a", b"one", (("h", b"x"), ("none", None))),
    Kept(1, b"a", b"two", ()),
    Kept(2, None, None, ()),
]


def test_what_is_kept_comes_back_by_time_and_in_the_order_of_its_partition(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "topic")
    spool.begin()
    spool.keep(10, iter([RECORDS[0], RECORDS[1]]))
    spool.keep(2, iter([RECORDS[2]]))
    spool.finish()
    assert Spool(tmp_path / "topic").is_complete
    assert list(spool.records()) == [RECORDS[2], RECORDS[0], RECORDS[1]]
    spool.remove()
    assert not Spool(tmp_path / "topic").is_complete


@pytest.fixture
def given_more(settings: Settings) -> Iterator[Settings]:
    """A deployment whose requests lie in eight partitions, half of them read by nobody."""
    yield settings
    fresh_topics(settings)


def give(settings: Settings, topic: str, count: int) -> None:
    admin = AdminClient({**settings.kafka_config()})
    for future in admin.create_partitions([NewPartitions(topic, count)]).values():
        future.result()
    wait_until(lambda: counted(settings, topic) == count)


def counted(settings: Settings, topic: str) -> int:
    admin = AdminClient({**settings.kafka_config()})
    return len(admin.list_topics(timeout=10).topics[topic].partitions)


@contextmanager
def running(settings: Settings, module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    ready = settings.home / "ready"
    ready.unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **settings.to_env(), "RUNFOLD_READY_FILE": str(ready)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def ended(settings: Settings, module: str, *arguments: str) -> str:
    with running(settings, module, *arguments) as process:
        said, _ = process.communicate(timeout=200)
    assert process.returncode == ExitCode.TOLD_TO_END, said
    return said


def requested(settings: Settings, count: int) -> list[str]:
    publisher = Publisher(settings.producer_config(), CODEC)
    client = RunClient(publisher, TopicReader(settings.kafka_config(), CODEC))
    found = [client.request("goal", agent="nobody") for _ in range(count)]
    publisher.close()
    return found


def outcomes(settings: Settings) -> list[str]:
    """The runs that have ended, each as often as it has."""
    found = TopicReader(settings.kafka_config(), CODEC).read(topics.COMPLETIONS)
    return sorted((each.key or b"").decode() for each in found)


@pytest.mark.integration
@pytest.mark.timeout(600)
def test_no_request_is_lost_or_run_twice(
    given_more: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = given_more
    with running(settings, "runfold.processors.run") as process:
        wait_until((settings.home / "ready").exists, 200)
        before = requested(settings, MANY)
        wait_until(lambda: outcomes(settings) == sorted(before), 120)
        give(settings, topics.REQUESTS, 8)
        assert process.wait(120) == ExitCode.WRONG_SETTINGS
    after = requested(settings, MANY)

    # Cut off after the topic was deleted: what it held is kept, and the next attempt goes on.
    def cut_off(*_: object) -> int:
        raise StackError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(remaking, "_write_again", cut_off)
        with pytest.raises(StackError, match="cut off"):
            remaking.remake(settings.kafka_config(), settings.partitions, settings.home)
    said = ended(settings, "runfold.stack.prepare", "--remake")
    assert "runs.requests was made again with 4 partitions and" in said
    assert counted(settings, topics.REQUESTS) == settings.partitions
    assert "runs.requests/0 begins at its beginning" in ended(
        settings, "runfold.processors.run", "--take-new-inputs"
    )
    with running(settings, "runfold.processors.run"):
        wait_until(lambda: outcomes(settings) == sorted([*before, *after]), 200)
    assert not (settings.home / "remake" / topics.REQUESTS).exists()


@pytest.mark.integration
def test_a_topic_that_is_being_made_again_takes_no_record(given_more: Settings) -> None:
    admin = AdminClient({**given_more.kafka_config()})
    remaking._lock(admin, topics.CONTROLS)
    publisher = Publisher(given_more.producer_config(), CODEC, timeout=30)
    client = RunClient(publisher, TopicReader(given_more.kafka_config(), CODEC))

    def refused() -> bool:
        try:
            client.cancel("018f0000-0000-7000-8000-000000000000", "why")
        except RefusedError as error:
            return "too large" in str(error)
        return False

    wait_until(refused)
    publisher.close()
