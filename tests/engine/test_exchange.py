"""Two kinds of aggregate that talk to each other, on partitions of their own: exactly once."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runfold.events.records.operations import DeadLetter
from runfold.processors.engine.core.messages import Message
from runfold.processors.engine.core.outbox import HEADER, Origin, origin_of
from runfold.processors.engine.memory import Entry, LostCommit, MemoryEngine, MemoryLog
from tests.engine.exchange import faults
from tests.engine.host import NoDefinitions
from tests.engine.toys import topics
from tests.engine.toys.codecs import JOB_CODEC, LEDGER_CODEC
from tests.engine.toys.job import JOBS, NOW, Job, request, result_of
from tests.engine.toys.job_records import JobRequested
from tests.engine.toys.ledger import LEDGERS, Ledger
from tests.engine.toys.ledger_records import Deposit
from tests.system.oracle.journals import Journal, journal_of

PARTITIONS = 2


@dataclass
class Market:
    """Every lane of jobs and of ledgers, on one log."""

    log: MemoryLog
    jobs: list[MemoryEngine[Job]]
    ledgers: list[MemoryEngine[Ledger]]

    @classmethod
    def opened(cls, *, resends: bool = False) -> Market:
        log = MemoryLog(PARTITIONS)
        jobs = [
            MemoryEngine(
                JOBS,
                JOB_CODEC,
                NoDefinitions(),
                result_of,
                NOW,
                log=log,
                partition=number,
                resends=resends,
            )
            for number in range(PARTITIONS)
        ]
        ledgers = [
            MemoryEngine(
                LEDGERS,
                LEDGER_CODEC,
                NoDefinitions(),
                None,
                NOW,
                log=log,
                partition=number,
                resends=resends,
            )
            for number in range(PARTITIONS)
        ]
        return cls(log, jobs, ledgers)

    @property
    def lanes(self) -> list[MemoryEngine[Job] | MemoryEngine[Ledger]]:
        return [*self.jobs, *self.ledgers]

    def ask(self, asked: JobRequested) -> None:
        place = topics.REQUESTS, self.log.partition_of("", asked.job_id.encode())
        self.log.append(place, asked.job_id, JOB_CODEC.encode(topics.REQUESTS, asked), (), 0)

    def pay_in(self, tenant: str, amount: int) -> None:
        place = topics.ENTRIES, self.log.partition_of("", tenant.encode())
        paid = Deposit(tenant_id=tenant, amount=amount)
        self.log.append(place, tenant, LEDGER_CODEC.encode(topics.ENTRIES, paid), (), 0)

    def settle(self) -> None:
        """Let every lane do what there is to do; one that dies begins again."""
        busy = True
        while busy:
            busy = False
            for lane in self.lanes:
                try:
                    busy = lane.settle() or busy
                except LostCommit:
                    busy = True

    def journal(self) -> Journal:
        values = [e.value for lane in self.jobs for e in lane.entries(topics.EVENTS)]
        return journal_of(JOBS, JOB_CODEC, values)

    def ledger(self) -> Journal:
        values = [e.value for lane in self.ledgers for e in lane.entries(topics.LEDGER)]
        return journal_of(LEDGERS, LEDGER_CODEC, values)

    def dead(self) -> list[str]:
        """The codes of the dead letters."""
        found = []
        for lane in self.jobs:
            for entry in lane.entries(topics.DEAD_LETTERS):
                letter = JOB_CODEC.decode(topics.DEAD_LETTERS, entry.value)
                assert isinstance(letter, DeadLetter)
                found.append(letter.code)
        return found

    def faults(self, asked: list[JobRequested], paid: dict[str, int]) -> list[str]:
        return faults(self.journal(), self.ledger(), asked, paid) + self.dead()

    def messages(self, topic: str, partition: int) -> list[Entry]:
        """What stands on a partition of a topic and came from another lane."""
        return [e for e in self.log.partition(topic, partition) if origin_of(e.headers)]


def jobs(count: int, price: int = 3) -> list[JobRequested]:
    return [
        request(f"job-{number}", tenant_id=f"tenant-{number % 4}", price=price)
        for number in range(count)
    ]


@pytest.mark.parametrize("resends", [False, True])
def test_jobs_ask_their_tenants_ledgers_and_are_answered(resends: bool) -> None:
    market = Market.opened(resends=resends)
    asked = jobs(20)
    paid = {f"tenant-{number}": 4 + number * 3 for number in range(4)}
    for tenant, amount in paid.items():
        market.pay_in(tenant, amount)
    market.settle()
    for job in asked:
        market.ask(job)
    market.settle()
    assert market.faults(asked, paid) == []
    ends = Counter(market.journal().types(job.job_id)[-1] for job in asked)
    assert ends == {"JobCompleted": 1 + 2 + 3 + 4, "JobCancelled": 10}


def test_a_message_names_the_event_that_it_follows_and_its_number() -> None:
    market = Market.opened()
    market.ask(request("job-1", tenant_id="tenant-0", price=1))
    market.settle()
    home = market.log.partition_of("", b"job-1")
    (entry,) = market.messages(topics.ENTRIES, market.log.partition_of("", b"tenant-0"))
    said = {name: value for name, value in entry.headers if name in {"ce_id", HEADER}}
    assert said == {"ce_id": b"job-1/3/0", HEADER: f"jobs.events/{home}/1/1".encode()}
    assert entry.key == b"tenant-0"


def test_a_message_is_there_only_with_its_event() -> None:
    market = Market.opened()
    market.ask(request("job-1", tenant_id="tenant-0", price=1))
    lane = market.jobs[market.log.partition_of("", b"job-1")]
    lane.fail_next_commit = True
    with pytest.raises(LostCommit):
        lane.settle()
    there = [market.messages(topics.ENTRIES, number) for number in range(PARTITIONS)]
    assert (there, market.journal().by_key) == ([[], []], {})
    market.settle()
    assert market.journal().types("job-1")[-1] == "JobCancelled"


def test_numbers_go_on_after_a_restart() -> None:
    market = Market.opened()
    for job in jobs(8):
        market.ask(job)
        market.settle()
        for lane in market.lanes:
            lane.restart()
    for number in range(PARTITIONS):
        by_sender: dict[tuple[str, int], list[int]] = {}
        for entry in market.messages(topics.ENTRIES, number):
            origin = _origin(entry)
            by_sender.setdefault(origin.sender, []).append(origin.number)
        assert all(found == list(range(1, len(found) + 1)) for found in by_sender.values())


def test_what_was_not_sent_before_a_crash_is_derived_from_the_journal() -> None:
    market = Market.opened(resends=True)
    asked = jobs(12)
    for job in asked:
        market.ask(job)
    for lane in market.jobs:
        lane.loses = lambda _message: True
    market.settle()
    assert (
        market.faults(asked, dict.fromkeys(("tenant-0", "tenant-1", "tenant-2", "tenant-3"), 0))
        == []
    )


def test_a_message_that_comes_before_one_that_was_lost_waits_for_its_turn() -> None:
    """A client that gives up on one message may still get the next one out."""
    market = Market.opened(resends=True)
    asked = [
        request(f"job-{number}", tenant_id="tenant-0", price=1)
        for number in range(20)
        if market.log.partition_of("", f"job-{number}".encode()) == 0
    ]
    for job in asked:
        market.ask(job)
    market.jobs[0].loses = _some({0, 3})
    market.settle()
    home = market.log.partition_of("", b"tenant-0")
    numbers = [_origin(entry).number for entry in market.messages(topics.ENTRIES, home)]
    assert numbers[:4] == [2, 3, 5, 6]
    assert numbers[len(asked) - 2 :] == list(range(1, len(asked) + 1))
    assert market.faults(asked, {"tenant-0": 0}) == []


def test_without_the_derivation_the_messages_would_be_missed() -> None:
    market = Market.opened(resends=False)
    market.ask(request("job-1", tenant_id="tenant-0", price=1))
    lane = market.jobs[market.log.partition_of("", b"job-1")]
    lane.loses = lambda _message: True
    market.settle()
    assert market.journal().types("job-1")[-1] == "FundsAsked"


def _origin(entry: Entry) -> Origin:
    found = origin_of(entry.headers)
    assert found is not None
    return found


step = st.one_of(
    st.tuples(st.just("job"), st.integers(0, 3), st.integers(1, 4)),
    st.tuples(st.just("pay"), st.integers(0, 3), st.integers(1, 9)),
    st.tuples(st.just("die"), st.integers(0, 2 * PARTITIONS - 1), st.sets(st.integers(0, 4))),
    st.tuples(st.just("restart"), st.integers(0, 2 * PARTITIONS - 1), st.just(0)),
    st.tuples(st.just("zombie"), st.integers(0, PARTITIONS - 1), st.integers(0, 12)),
    st.tuples(st.just("all"), st.just(0), st.just(0)),
    st.tuples(st.just("settle"), st.integers(0, 2 * PARTITIONS - 1), st.just(0)),
)


@settings(max_examples=150)
@given(st.lists(step, min_size=10, max_size=40))
def test_whatever_dies_or_comes_again_every_message_counts_once(
    steps: list[tuple[str, int, object]],
) -> None:
    """Lanes die with any part of their messages out; fenced ones write old messages again."""
    market = Market.opened(resends=True)
    asked: list[JobRequested] = []
    paid = {f"tenant-{number}": 0 for number in range(4)}
    for what, where, which in steps:
        if what == "job":
            assert isinstance(which, int)
            for price in range(which):
                name = f"job-{len(asked)}"
                asked.append(request(name, tenant_id=f"tenant-{where}", price=price + 1))
                market.ask(asked[-1])
        elif what == "pay":
            assert isinstance(which, int)
            paid[f"tenant-{where}"] += which
            market.pay_in(f"tenant-{where}", which)
        elif what == "die":
            assert isinstance(which, set)
            market.lanes[where].loses = _some(which)
            _settle(market.lanes[where])
        elif what == "restart":
            market.lanes[where].restart()
        elif what == "zombie":
            assert isinstance(which, int)
            for topic in (topics.ENTRIES, topics.RESULTS):
                for entry in market.messages(topic, where)[which:]:
                    key = (entry.key or b"").decode()
                    market.log.append((topic, where), key, entry.value, entry.headers, 0)
        elif what == "all":
            market.settle()
        else:
            _settle(market.lanes[where])
    market.settle()
    assert market.faults(asked, paid) == []


def _some(numbers: set[int]) -> Callable[[Message], bool]:
    """Loses the messages with these numbers in the order in which they are written."""
    count = itertools.count()
    return lambda _message: next(count) in numbers


def _settle(lane: MemoryEngine[Job] | MemoryEngine[Ledger]) -> None:
    try:
        lane.settle()
    except LostCommit:
        lane.loses = None
