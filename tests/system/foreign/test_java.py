"""Another program in another language reads the topics, and asks for a run."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path

import pytest
from pydantic import BaseModel

from runfold.events import topics
from runfold.events.run import Event
from runfold.producers.log.partitioner import partition_for
from runfold.stack.settings import Settings
from tests.system import oracle
from tests.system.crash.agent import AGENT, CODEC
from tests.system.crash.product import Product, product
from tests.system.foreign.java import Foreign, compiled

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Foreign:
    """The Java program."""
    return compiled(tmp_path_factory.mktemp("classes"))


def plain(value: object) -> object:
    """A record in the form that the Java program prints."""
    match value:
        case BaseModel():
            return {name: plain(getattr(value, name)) for name in type(value).model_fields}
        case tuple():
            return [plain(item) for item in value]
        case bytes():
            return value.hex()
        case datetime():
            return (value - _EPOCH) // timedelta(microseconds=1)
        case Decimal():
            return f"{value:f}"
        case _:
            return value.value if isinstance(value, Enum) else value


def read_in_python(settings: Settings, topic: str) -> dict[tuple[int, int], object]:
    """What a topic says, by partition and offset."""
    found: dict[tuple[int, int], object] = {}
    for raw in oracle.read_topic(settings, topic):
        record = CODEC.decode(topic, raw.value)
        if isinstance(record, Event):
            fact = plain(record.fact)
            assert isinstance(fact, dict)
            said: object = {"meta": plain(record.meta), **fact}
        else:
            said = plain(record)
        found[raw.place.partition, raw.place.offset] = said
    return found


def assert_read_alike(
    foreign: Foreign, running: Product, topic: str, *, whole: bool = True
) -> Counter[str]:
    """Both languages read the same; the types that stood there. ``whole`` runs are chained."""
    mine = read_in_python(running.settings, topic)
    raws = oracle.read_topic(running.settings, topic)
    digests = {raw.place[1:]: hashlib.sha256(raw.value or b"").hexdigest() for raw in raws}
    theirs = foreign.run("read", running.settings, topic)
    assert {(line["partition"], line["offset"]): line["record"] for line in theirs} == mine
    assert {(line["partition"], line["offset"]): line["sha256"] for line in theirs} == digests
    assert {line["left"] for line in theirs} == {0}, "bytes were left after a record"
    if whole:
        assert {line.get("follows", True) for line in theirs} == {True}, "a chain is broken"
    return Counter(line["type"] for line in theirs)


def test_java_asks_for_a_run_and_reads_what_became_of_it(
    foreign: Foreign, settings: Settings, tmp_path: Path
) -> None:
    with product(settings, tmp_path) as running:
        asked = [foreign.run("publish", settings, AGENT, f"Ümläute {n}")[0] for n in range(2)]
        for one in asked:
            assert one["partition"] == partition_for(one["run_id"].encode(), settings.partitions)
            running.wanted.add(one["run_id"])
        running.ask_for(6)
        assert running.judge() == []
        read = assert_read_alike(foreign, running, topics.EVENTS)
        assert read["RunCompleted"] == len(running.wanted)
        assert len(read) >= 14
        completions = assert_read_alike(foreign, running, topics.COMPLETIONS, whole=False)
        assert completions == {"RunCompleted": len(running.wanted)}
