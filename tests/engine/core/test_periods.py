"""An aggregate that never ends closes its books: restore reads no further back than one period."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from runfold.processors.engine.core.event_builder import DecisionError
from runfold.processors.engine.core.history import BrokenChain
from runfold.processors.engine.core.parked_copy import Collector, sleepers, still_wanted
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.rebuild import Rebuild
from runfold.processors.engine.memory import MemoryEngine
from tests.engine.host import NoDefinitions
from tests.engine.toys import topics
from tests.engine.toys.codecs import LEDGER_CODEC
from tests.engine.toys.job import NOW
from tests.engine.toys.ledger import ENTRIES_A_PERIOD, LEDGERS, Ledger
from tests.engine.toys.ledger_records import Deposit
from tests.system.oracle.journals import journal_of

IDLE = timedelta(minutes=1)


class Books(MemoryEngine[Ledger]):
    """One lane of ledgers."""

    def __init__(self) -> None:
        super().__init__(LEDGERS, LEDGER_CODEC, NoDefinitions(), None, NOW)

    def pay_in(self, count: int, tenant: str = "a") -> None:
        for _ in range(count):
            paid = LEDGER_CODEC.encode(topics.ENTRIES, Deposit(tenant_id=tenant, amount=1))
            self.put(topics.ENTRIES, tenant, paid)
            self.settle()

    def rebuilt(self, start: int) -> PartitionState[Ledger]:
        rebuild = Rebuild(LEDGERS, LEDGER_CODEC)
        for entry in self.entries(topics.LEDGER_PARKED):
            rebuild.parked((entry.key or b"").decode(), entry.value)
        rebuild.parked_done()
        for entry in self.entries(topics.LEDGER)[start:]:
            rebuild.journal(entry.offset, entry.key, entry.value or b"")
        return rebuild.finish()

    def faults(self) -> list[str]:
        values = [entry.value for entry in self.entries(topics.LEDGER)]
        return journal_of(LEDGERS, LEDGER_CODEC, values).faults()


@pytest.mark.parametrize("entries", range(1, 4 * ENTRIES_A_PERIOD))
def test_the_restore_point_is_in_the_last_period(entries: int) -> None:
    books = Books()
    books.pay_in(entries)
    start = books.partition_state.restore_offset()
    assert len(books.entries(topics.LEDGER)) - start <= ENTRIES_A_PERIOD + 1
    assert books.rebuilt(start).live == books.partition_state.live
    assert books.rebuilt(0).live == books.partition_state.live
    assert books.partition_state.live["a"].state.balance == entries


def test_the_chain_goes_on_over_the_periods() -> None:
    books = Books()
    books.pay_in(3 * ENTRIES_A_PERIOD)
    assert books.faults() == []
    assert books.partition_state.live["a"].seq == 3 * ENTRIES_A_PERIOD + 3


def test_two_periods_in_one_batch_leave_the_last() -> None:
    books = Books()
    for _ in range(2 * ENTRIES_A_PERIOD + 1):
        paid = LEDGER_CODEC.encode(topics.ENTRIES, Deposit(tenant_id="a", amount=1))
        books.put(topics.ENTRIES, "a", paid)
    books.settle()
    assert books.partition_state.live["a"].state.period == 3
    assert books.rebuilt(0).live["a"].state == books.partition_state.live["a"].state
    books.pay_in(ENTRIES_A_PERIOD)
    start = books.partition_state.restore_offset()
    assert books.rebuilt(start).live == books.partition_state.live
    assert len(books.entries(topics.LEDGER)) - start == 2


def test_a_ledger_that_others_outlive_does_not_hold_them_back() -> None:
    books = Books()
    books.pay_in(2, "sleeps")
    books.pay_in(ENTRIES_A_PERIOD + 1, "a")
    assert books.partition_state.restore_offset() == 0
    books.now += IDLE
    books.park(IDLE)
    assert books.partition_state.restore_offset() == len(books.entries(topics.LEDGER))
    books.restart()
    books.pay_in(1, "sleeps")
    assert books.partition_state.live["sleeps"].state.balance == 3
    assert books.faults() == []


def test_a_parked_period_is_known_where_another_ledger_holds_the_point_back() -> None:
    books = Books()
    books.pay_in(1, "busy")
    books.pay_in(ENTRIES_A_PERIOD + 1, "a")
    books.now += IDLE
    books.pay_in(1, "busy")
    assert books.park(IDLE) == 1
    assert books.partition_state.restore_offset() == 0
    assert books.partition_state.live["a"].parts == (ENTRIES_A_PERIOD + 2,)
    assert books.rebuilt(0).live == books.partition_state.live


def test_parked_copies_of_a_closed_period_are_dropped_with_it() -> None:
    books = Books()
    books.pay_in(ENTRIES_A_PERIOD)
    books.now += IDLE
    assert books.park(IDLE) == 1
    books.pay_in(1)
    last = {entry.key: entry.value for entry in books.entries(topics.LEDGER_PARKED)}
    assert last == {b"a/1": None}
    assert books.rebuilt(books.partition_state.restore_offset()).live == books.partition_state.live
    books.now += IDLE
    assert books.park(IDLE) == 1
    keys = [entry.key for entry in books.entries(topics.LEDGER_PARKED)]
    assert keys == [b"a/1", b"a/1", f"a/{ENTRIES_A_PERIOD + 2}".encode()]
    before = books.partition_state.live["a"]
    assert books.rebuilt(len(books.entries(topics.LEDGER))).live == {"a": before}
    books.restart()
    assert books.partition_state.live == {"a": before}
    books.pay_in(1)
    assert books.faults() == []


def test_a_copy_that_was_begun_before_the_close_is_not_wanted_after_it() -> None:
    books = Books()
    books.pay_in(ENTRIES_A_PERIOD)
    (sleeper,) = sleepers(books.partition_state, books.now + IDLE, IDLE, 1 << 62, 10)
    books.pay_in(1)
    collector = Collector([sleeper], LEDGERS, LEDGER_CODEC)
    for entry in books.entries(topics.LEDGER):
        collector.take(entry.offset, entry.key, entry.value)
    (copy,) = collector.copies()
    assert not still_wanted(copy, books.partition_state)


def test_a_restore_point_beyond_the_last_period_stops_the_lane() -> None:
    books = Books()
    books.pay_in(ENTRIES_A_PERIOD + 2)
    with pytest.raises(BrokenChain, match="that was read is number 8"):
        books.rebuilt(books.partition_state.restore_offset() + 1)


def test_what_does_not_carry_the_whole_state_over_is_not_written() -> None:
    forgetful = replace(
        LEDGERS,
        aggregate=replace(
            LEDGERS.aggregate,
            decide=lambda state, command, env: [
                (fact, replace(after, granted=after.granted + after.period - 1))
                for fact, after in LEDGERS.aggregate.decide(state, command, env)
            ],
        ),
    )
    books = Books()
    books.pay_in(ENTRIES_A_PERIOD)
    books._fold._writer._builder._aggregate = forgetful.aggregate
    books._fold._decider = forgetful.aggregate.decide
    books.pay_in(1)
    assert [entry.value for entry in books.entries(topics.DEAD_LETTERS)] != []
    assert DecisionError.__name__.encode() in (books.entries(topics.DEAD_LETTERS)[0].value or b"")
