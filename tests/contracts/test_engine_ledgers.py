"""What the engine guarantees for a second kind of aggregate, which never ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pytest

from runfold.events.base import Record
from runfold.processors.engine.core.outbox import origin_of
from runfold.processors.engine.kafka.runner import Engine
from tests.engine.exchange import faults
from tests.engine.host import config, engine, ledger_engine
from tests.engine.test_exchange import Market
from tests.engine.toys import topics
from tests.engine.toys.inputs import CODEC, job_id, key_of, topic_of
from tests.engine.toys.job import request
from tests.engine.toys.job_records import JobRequested
from tests.engine.toys.ledger import ENTRIES_A_PERIOD
from tests.engine.toys.ledger_records import Deposit
from tests.engine.toys.log import Log
from tests.support import stack
from tests.system.oracle.journals import Journal


class Subject(Protocol):
    """Lanes of jobs and of ledgers on one log."""

    def take(self, *records: Record) -> None: ...
    def settle_until(self, tenant: str, events: int) -> list[str]: ...
    def wait_for_ends(self, jobs: Sequence[str]) -> None: ...
    def again(self) -> None: ...
    def repeat_messages(self) -> int: ...
    def journal(self) -> Journal: ...
    def ledger(self) -> Journal: ...


class InMemory:
    def __init__(self) -> None:
        self._market = Market.opened()
        self.journal, self.ledger = self._market.journal, self._market.ledger

    def take(self, *records: Record) -> None:
        for record in records:
            topic, key = topic_of(record), key_of(record)
            place = topic, self._market.log.partition_of(topic, key.encode())
            self._market.log.append(place, key, CODEC.encode(topic, record), (), 0)
        self._market.settle()

    def settle_until(self, tenant: str, events: int) -> list[str]:
        self._market.settle()
        return self.ledger().types(tenant)

    def wait_for_ends(self, jobs: Sequence[str]) -> None:
        self._market.settle()

    def again(self) -> None:
        for lane in self._market.lanes:
            lane.restart()

    def repeat_messages(self) -> int:
        count = 0
        for topic in (topics.ENTRIES, topics.RESULTS):
            for number in range(len(self._market.jobs)):
                for entry in self._market.messages(topic, number):
                    key = (entry.key or b"").decode()
                    self._market.log.append((topic, number), key, entry.value, entry.headers, 0)
                    count += 1
        self._market.settle()
        return count


class OnKafka(Log):
    """The lanes of both in threads of the test's own process."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(bootstrap)
        self._config = config(bootstrap, 4)
        self._start()

    def _start(self) -> None:
        self._engines: list[Engine[Any]] = [engine(self._config), ledger_engine(self._config)]
        self._threads = [threading.Thread(target=each.run) for each in self._engines]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        for each in self._engines:
            each.stop()
        for thread in self._threads:
            thread.join()

    def again(self) -> None:
        self.stop()
        self._start()

    def take(self, *records: Record) -> None:
        self.send(*records)

    def settle_until(self, tenant: str, events: int) -> list[str]:
        self.wait_until(lambda: len(self.ledger().types(tenant)) >= events)
        return self.ledger().types(tenant)

    def repeat_messages(self) -> int:
        """Write every message between lanes once more, as a lane that lost its place would."""
        count = 0
        for topic in (topics.ENTRIES, topics.RESULTS):
            for message in self.messages(topic):
                headers = message.headers() or []
                assert isinstance(headers, list)
                if origin_of([(name, _bytes(value)) for name, value in headers]) is None:
                    continue
                place = message.partition()
                assert place is not None
                self.resend(topic, message.key(), message.value(), headers, place)
                count += 1
        return count


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


@pytest.fixture(scope="module")
def bootstrap_servers(servers: stack.Servers) -> str:
    """Empty topics once for this module; each test has tenants of its own."""
    stack.fresh_topics(servers.settings, topics.TOYS)
    return servers.bootstrap_servers


@pytest.fixture
def tenant() -> str:
    return f"tenant-{os.urandom(4).hex()}"


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.integration)])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    if request.param == "memory":
        yield InMemory()
        return
    on_kafka = OnKafka(request.getfixturevalue("bootstrap_servers"))
    yield on_kafka
    on_kafka.stop()


def jobs(tenant: str, count: int) -> list[JobRequested]:
    return [request(job_id(number), tenant_id=tenant, price=2) for number in range(count)]


def test_a_ledger_begins_with_its_first_entry_and_closes_its_periods(
    subject: Subject, tenant: str
) -> None:
    subject.take(*[Deposit(tenant_id=tenant, amount=1) for _ in range(ENTRIES_A_PERIOD + 1)])
    first = ["PeriodOpened"] + ["Deposited"] * ENTRIES_A_PERIOD
    assert subject.settle_until(tenant, 8) == [*first, "PeriodOpened", "Deposited"]
    subject.again()
    subject.take(Deposit(tenant_id=tenant, amount=5))
    assert subject.settle_until(tenant, 9)[8:] == ["Deposited"]
    assert subject.ledger().faults() == []


def test_jobs_and_ledgers_answer_each_other_exactly_once(subject: Subject, tenant: str) -> None:
    asked = jobs(tenant, 8)
    subject.take(Deposit(tenant_id=tenant, amount=10))
    subject.settle_until(tenant, 2)
    subject.take(*asked)
    names = [job.job_id for job in asked]
    subject.wait_for_ends(names)
    assert faults(subject.journal(), subject.ledger(), asked, {tenant: 10}) == []
    ends = [subject.journal().types(name)[-1] for name in names]
    assert sorted(ends) == ["JobCancelled"] * 3 + ["JobCompleted"] * 5


@pytest.mark.parametrize("restarted", [False, True])
def test_a_message_that_is_written_again_changes_nothing(
    subject: Subject, tenant: str, restarted: bool
) -> None:
    asked = jobs(tenant, 4)
    subject.take(Deposit(tenant_id=tenant, amount=5), *asked)
    subject.wait_for_ends([job.job_id for job in asked])
    if restarted:
        subject.again()
    before = subject.journal().types(asked[0].job_id), subject.ledger().types(tenant)
    assert subject.repeat_messages() >= 2 * len(asked)
    later = jobs(tenant, 1)
    subject.take(*later)
    subject.wait_for_ends([later[0].job_id])
    assert subject.journal().types(asked[0].job_id) == before[0]
    entries = [kind for kind in subject.ledger().types(tenant) if kind != "PeriodOpened"]
    assert len(entries) == 1 + len(asked) + 1
    assert faults(subject.journal(), subject.ledger(), [*asked, *later], {tenant: 5}) == []
