"""What a receiver makes of numbered messages, and how far a lane is, written down and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.events.records.operations import DeadLetter
from runfold.processors.engine.core.batch import BatchDecider
from runfold.processors.engine.core.inputs import Received
from runfold.processors.engine.core.outbox import Arrival, Origin, arrival, origin_of
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.progress import Progress
from tests.engine.host import NoDefinitions
from tests.engine.toys import topics
from tests.engine.toys.codecs import LEDGER_CODEC
from tests.engine.toys.job import NOW
from tests.engine.toys.ledger import LEDGERS, Ledger
from tests.engine.toys.ledger_records import Deposit


def origin(number: int, floor: int, partition: int = 2) -> Origin:
    return Origin(topics.EVENTS, partition, number, floor)


@pytest.mark.parametrize(
    ("number", "floor", "found", "lost"),
    [
        (4, 1, Arrival.REPEAT, []),
        (5, 5, Arrival.REPEAT, []),
        (6, 3, Arrival.NEXT, []),
        (6, 6, Arrival.NEXT, []),
        (7, 6, Arrival.EARLY, []),
        (9, 1, Arrival.EARLY, []),
        (8, 8, Arrival.NEXT, [6, 7]),
        (9, 8, Arrival.EARLY, [6, 7]),
    ],
)
def test_a_message_is_a_repeat_the_next_one_early_or_behind_a_loss(
    number: int, floor: int, found: Arrival, lost: list[int]
) -> None:
    what, gone = arrival(origin(number, floor), last=5)
    assert (what, list(gone)) == (found, lost)


@given(st.data(), st.integers(1, 12))
def test_a_stream_that_is_sent_again_from_anywhere_is_taken_once_and_in_order(
    data: st.DataObject, count: int
) -> None:
    """Each sending is a range from what is known to have arrived, any part of which gets out."""
    taken: list[int] = []
    known = last = 0
    for _ in range(data.draw(st.integers(0, 6))):
        out = data.draw(st.sets(st.integers(known + 1, count))) if known < count else set()
        for number in sorted(out):
            last = _receive(taken, last, origin(number, known + 1))
        known = data.draw(st.integers(known, last))
    for number in range(known + 1, count + 1):
        last = _receive(taken, last, origin(number, known + 1))
    assert taken == list(range(1, count + 1))


def _receive(taken: list[int], last: int, message: Origin) -> int:
    found, lost = arrival(message, last)
    assert not lost
    if found is not Arrival.NEXT:
        return last
    taken.append(message.number)
    return message.number


@given(st.text(alphabet="ab.-_", min_size=1), *[st.integers(0, 1 << 40)] * 3)
def test_an_origin_is_read_as_it_was_written(
    journal: str, partition: int, number: int, floor: int
) -> None:
    said = Origin(journal, partition, number, floor)
    assert origin_of([("other", b"x"), said.header()]) == said


numbers = st.dictionaries(
    st.tuples(st.sampled_from(["a.inputs", "b.inputs"]), st.integers(0, 9)), st.integers(1, 99)
)


@given(
    st.dictionaries(st.sampled_from(["a.inputs", "b.inputs"]), st.integers(1, 99)),
    numbers,
    numbers,
    st.none() | st.integers(1, 99),
)
def test_progress_is_read_as_it_was_noted_and_never_goes_back(
    positions: dict[str, int],
    heard: dict[tuple[str, int], int],
    sent: dict[tuple[str, int], int],
    delivered: int | None,
) -> None:
    said = Progress(positions, heard, sent, delivered)
    read = Progress()
    read.take(said.noted(3, "a.events"), "a.events")
    assert read == said
    read.take(Progress({}, {}, {}, 0).noted(3, "a.events"), "a.events")
    assert read.positions == positions
    read.take(said.noted(3, "a.events"), "a.events")
    assert (read.positions, read.heard, read.sent) == (positions, heard, sent)


def deposits(*origins: tuple[str, bytes]) -> list[Received]:
    value = LEDGER_CODEC.encode(topics.ENTRIES, Deposit(tenant_id="a", amount=1))
    return [
        Received(topics.ENTRIES, offset, b"a", value, (header,), 0)
        for offset, header in enumerate(origins)
    ]


def taken(*origins: tuple[str, bytes]) -> tuple[int, list[tuple[str, str]]]:
    """The balance after deposits with these origins, and the dead letters."""
    fold: BatchDecider[Ledger] = BatchDecider(LEDGERS, LEDGER_CODEC, NoDefinitions(), 0)
    partition_state: PartitionState[Ledger] = PartitionState()
    outcome = fold.take(deposits(*origins), partition_state, NOW)
    letters = [
        LEDGER_CODEC.decode(topics.DEAD_LETTERS, message.value)
        for message in outcome.others
        if message.topic == topics.DEAD_LETTERS
    ]
    outcome.adopt(partition_state, 0, 0)
    balance = partition_state.live["a"].state.balance if partition_state.live else 0
    return balance, [(each.code, each.reason) for each in letters if isinstance(each, DeadLetter)]


def test_each_partition_that_sends_has_numbers_of_its_own() -> None:
    origins = [origin(1, 1, partition).header() for partition in (0, 1, 1, 2)]
    assert taken(*origins) == (3, [])


def test_what_is_lost_for_good_is_on_record_and_holds_nothing_up() -> None:
    balance, letters = taken(*[origin(number, number).header() for number in (1, 4, 5)])
    assert balance == 3
    assert letters == [("messages_lost", "messages 2 to 3 from jobs.events/2 never came")]


@pytest.mark.parametrize("header", [b"", b"jobs.events/1", b"jobs.events/1/x/2", b"\xff/1/2/3"])
def test_an_origin_that_no_lane_wrote_makes_a_dead_letter(header: bytes) -> None:
    balance, letters = taken(("runfold_outbox", header), origin(1, 1).header())
    assert balance == 1
    assert [code for code, _ in letters] == ["bad_origin"]
