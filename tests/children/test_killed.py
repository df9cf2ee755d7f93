"""Flows on a real broker whose run processor is killed again and again: each step once."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.definitions import Definition, ModelScript, ScriptTurn
from runfold.events.run import Event
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.stack.settings import Settings
from tests.children.given import asks, named
from tests.children.test_flows import STEPS, flow
from tests.system.crash.agent import publish_definitions, request
from tests.system.crash.product import Supervised

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(400)]

CODEC = Codec(LockRegistry())
FLOWS, KILLS = 12, 6


def _definitions() -> list[Definition]:
    turn = ScriptTurn(
        calls=({"name": "complete_task", "arguments": {"summary": "done"}},), delay_ms=150
    )
    agents = ["planner", "coder", "tester"]
    scripts = [ModelScript(name=each, version="1.0", turns=(turn,)) for each in agents]
    return [*scripts, *map(asks, agents), *map(named, agents), flow(*STEPS)]


def test_every_step_is_made_once_however_often_the_processor_dies(
    settings: Settings, tmp_path: Path
) -> None:
    publish_definitions(settings, _definitions())
    process = Supervised(["runfold.processors.run"], settings.to_env(), tmp_path / "runs.log")
    writer = Publisher(settings.producer_config(), CODEC)
    asked = [request(f"number {number}", agent="build") for number in range(FLOWS)]
    chance, until = random.Random(7), time.monotonic() + 240
    try:
        for each in asked:
            writer.publish(topics.REQUESTS, each, each.run_id)
        while len(_ends(settings, {each.run_id for each in asked})) < FLOWS:
            assert time.monotonic() < until, process.said()
            if process.deaths < KILLS and chance.random() < 0.7:
                process.kill()
            process.tend()
            time.sleep(chance.uniform(0.2, 1.2))
    finally:
        process.process.kill()
        process.process.wait()
    events = _events(settings)
    tops = {each.run_id for each in asked}
    assert set(_ends(settings, tops).values()) == {0}
    children = [e.fact.request.run_id for e in events if e.type == "ChildRunRequested"]
    assert len(children) == len(set(children)) == FLOWS * len(STEPS)
    for kind in ("RunCreated", "RunCompleted"):
        counted = Counter(e.meta.run_id for e in events if e.type == kind)
        assert counted == dict.fromkeys({*children, *tops}, 1), kind
    assert sum(e.type == "ChildRunEnded" for e in events) == len(children)
    assert process.deaths > 0


def _events(settings: Settings) -> list[Event]:
    read = TopicReader(settings.kafka_config(), CODEC).read(topics.EVENTS)
    return [found.record for found in read if isinstance(found.record, Event)]


def _ends(settings: Settings, of: set[str]) -> dict[str, int]:
    found = (e for e in _events(settings) if e.meta.run_id in of and e.fact.traits.ends)
    return {e.meta.run_id: e.fact.exit.exit_code for e in found}  # type: ignore[attr-defined]
