"""A back-up under load with a tight budget: after the restore its books go on where they were."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from runfold.events import topics
from runfold.events.contents.content import text
from runfold.events.definitions import AgentDefinition, ModelChoice, ModelScript, ScriptTurn
from runfold.events.records.commands import RunRequested
from runfold.events.run import Event
from runfold.events.tenant import AdmissionGranted, AdmissionReturned, TenantEvent
from runfold.events.topics import TOPICS
from runfold.events.values import Limits
from runfold.producers.identity import uuid7
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.projections import schema
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.settings import Settings
from runfold.surfaces.audit.journal import definitions
from runfold.surfaces.audit.tenants import verify_tenants
from runfold.surfaces.backup import records, restore
from runfold.surfaces.backup.backup import backup
from runfold.surfaces.backup.telling import Told
from tests.spec import START
from tests.support.stack import wait_until
from tests.system import oracle
from tests.system.crash.agent import publish_definitions
from tests.system.crash.product import Supervised
from tests.tenant.given import CODEC, TENANT, TENANT_CODEC, policy

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(400)]

RUNS, CAP = 24, 3
TOKENS, ASIDE, LIMIT = 100, 400, 6000
"""What a run uses, what is set aside for it, and what all may use together in a month."""

_ENDS = {"RunCompleted", "RunFailed", "RunCancelled"}


def _definitions() -> list[object]:
    turn = ScriptTurn(
        calls=({"name": "complete_task", "arguments": {"summary": "done"}},),
        delay_ms=1500,
        usage={"input_tokens": TOKENS - 1, "output_tokens": 1},
    )
    return [
        ModelScript(name="slow", version="1.0.0", turns=(turn,)),
        AgentDefinition(
            name="slow",
            version="1.0.0",
            instructions="wait",
            prompt_version="1",
            model=ModelChoice(name="scripted:slow"),
            limits=Limits(max_total_tokens=ASIDE),
        ),
        policy(
            caps=({"of": "tenant", "running": CAP},),
            budgets=({"of": "tenant", "unit": "tokens", "period": "month", "limit": LIMIT},),
        ),
    ]


@dataclass
class Deployment:
    """A run processor under load, and what its journals say."""

    settings: Settings
    folder: Path
    asked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.process = self.begin()

    def begin(self) -> Supervised:
        log = self.folder / "runs.log"
        self.process = Supervised(["runfold.processors.run"], self.settings.to_env(), log)
        return self.process

    def ask(self, count: int) -> None:
        writer = Publisher(self.settings.producer_config(), CODEC)
        for number in range(count):
            request = RunRequested(
                run_id=uuid7(),
                tenant_id=TENANT,
                user_id=f"user-{number % 3}",
                agent="slow",
                goal=text(f"number {number}"),
                requested_at=START,
            )
            writer.publish(topics.REQUESTS, request, request.run_id)
            self.asked.add(request.run_id)

    def ends(self) -> Counter[str]:
        read = TopicReader(self.settings.kafka_config(), CODEC).read(topics.EVENTS)
        events = [found.record for found in read if isinstance(found.record, Event)]
        return Counter(each.meta.run_id for each in events if each.type in _ENDS)

    def books(self) -> list[TenantEvent]:
        read = oracle.read_topic(self.settings, topics.TENANT_EVENTS)
        found = [TENANT_CODEC.decode(topics.TENANT_EVENTS, raw.value) for raw in read]
        return [event for event in found if isinstance(event, TenantEvent)]

    def running(self) -> int:
        facts = Counter(type(event.fact) for event in self.books())
        return facts[AdmissionGranted] - facts[AdmissionReturned]

    def wait(self, done: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + 150
        while not done():
            assert time.monotonic() < until, f"{what}: {self.process.said()}"
            self.process.tend()
            time.sleep(0.2)


def _remade(settings: Settings, folder: Path, home: Path) -> None:
    """Lose every topic, and write the back-up in their place."""
    admin = AdminClient({**settings.kafka_config(), "log_level": 0})
    names = {topic.name for topic in TOPICS}
    for future in admin.delete_topics(sorted(names), operation_timeout=10).values():
        future.result()
    wait_until(lambda: not names & set(admin.list_topics(timeout=10).topics))
    kafka = settings.kafka_config()
    restore.restore(
        restore.read(folder, CODEC, lambda _: None),
        kafka,
        settings.database_url,
        home / "artifacts",
        lambda specs, count: ensure_topics(kafka, specs, count, mend=True),
    )


def test_the_books_go_on_where_they_were(
    settings: Settings, tmp_path: Path, own_home: Path
) -> None:
    schema.ensure(settings.database_url)
    publish_definitions(settings, _definitions())  # type: ignore[arg-type]
    there = Deployment(settings, tmp_path)
    try:
        there.ask(RUNS)
        there.wait(lambda: len(there.ends()) >= 4, "some have ended")
        dies: list[Callable[[], int]] = [there.process.kill]

        def die(_line: str) -> None:
            # Everything goes on until the ends are fixed.
            if dies:
                dies.pop()()

        made = backup(
            settings.kafka_config(),
            TopicReader(settings.kafka_config(), CODEC),
            CODEC,
            settings.database_url,
            settings.home / "artifacts",
            tmp_path / "kept",
            Told(die),
        )
        assert not dies
        assert made.manifest.live_runs > CAP
        _remade(settings, tmp_path / "kept", own_home)
        there.begin()
        there.wait(lambda: set(there.ends()) == there.asked, "all have ended")
        there.wait(lambda: there.running() == 0, "the tenant has everybody back")
    finally:
        there.process.process.kill()
        there.process.process.wait()
    assert set(there.ends().values()) == {1}
    _need_all_of(there.settings, tmp_path / "kept", made.manifest.partitions)
    _judge(there)
    history = definitions(TopicReader(settings.kafka_config(), CODEC))
    reader = TopicReader(settings.kafka_config(), TENANT_CODEC)
    verdicts = list(verify_tenants(reader, history))
    assert [fault for each in verdicts for fault in each.faults] == []


def _need_all_of(settings: Settings, folder: Path, partitions: int) -> None:
    """Every event of the back-up stands where it stood."""
    journal = {raw.place: raw.value for raw in oracle.read_topic(settings, topics.TENANT_EVENTS)}
    events = 0
    for number in range(partitions):
        for each in records.read(folder / "topics" / topics.TENANT_EVENTS / f"{number}.avro"):
            assert journal[oracle.Place(topics.TENANT_EVENTS, number, each.offset)] == each.value
            events += 1
    assert events > 0


def _judge(there: Deployment) -> None:
    """By the tenant's journal alone: who ran, what was set aside, and what was used."""
    aside: dict[str, Decimal] = {}
    used, granted, booked = Decimal(0), Counter[str](), Counter[str]()
    for event in there.books():
        match event.fact:
            case AdmissionGranted(admission=admission):
                granted[admission.asks.run_id] += 1
                aside[admission.asks.run_id] = admission.reserved[0].amount
            case AdmissionReturned(run_id=run_id, admitted=True, books=(book,)):
                del aside[run_id]
                booked[run_id] += 1
                used += TOKENS
                assert book.used == used
            case _:
                pass
        assert len(aside) <= CAP
        assert used + sum(aside.values()) <= LIMIT
    assert granted == booked == Counter(there.asked)
    assert used == TOKENS * RUNS
