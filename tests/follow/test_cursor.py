"""A follower's place in a run, whatever arrives by whichever way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runfold.producers.follow.cursor import Cursor
from tests.follow.given import event

arrivals = st.lists(st.integers(1, 12), max_size=60)


@given(st.integers(0, 12), arrivals)
def test_no_event_is_taken_twice_and_none_out_of_order(after: int, seqs: list[int]) -> None:
    cursor = Cursor(after)
    taken = [seq for seq in seqs if cursor.takes(event("r", seq))]
    assert taken == sorted(set(taken))
    assert all(seq > after for seq in taken)
    assert cursor.last == max([after, *seqs])


@given(st.integers(0, 12), st.integers(1, 14))
def test_a_gap_is_seen_exactly_where_a_number_is_skipped(last: int, seq: int) -> None:
    assert Cursor(last).misses_before(event("r", seq)) == (seq > last + 1)


def test_the_end_is_noticed_also_by_who_resumes_after_it() -> None:
    cursor = Cursor(5)
    assert not cursor.takes(event("r", 5, last=True))
    assert cursor.ended
    assert cursor.tenant_id == event("r", 5).meta.tenant_id
