"""What is chosen: what is pinned, then the newest exchanges that fit, none torn apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.events.calls import Role
from runfold.events.calls.transcript import TranscriptEntry
from runfold.processors.context.errors import ContextRefusedError
from runfold.processors.context.selection import exchanges_of, select
from tests.context.given import proposed, replied, said

TEN = "x" * 24
"""Words whose message is estimated at ten tokens."""


def chosen(entries: list[TranscriptEntry], budget: int) -> str:
    return " ".join(entry.id for entry in select(entries, budget).selected)


def test_the_newest_that_fit_are_chosen_in_their_order() -> None:
    entries = [said(f"{n}", TEN) for n in range(5)]
    assert chosen(entries, 50) == "0 1 2 3 4"
    assert chosen(entries, 49) == "1 2 3 4"
    assert chosen(entries, 20) == "3 4"
    selection = select(entries, 20)
    assert selection.token_estimate == 20
    assert [entry.id for entry in selection.dropped] == ["0", "1", "2"]


def test_what_is_pinned_stays_and_counts() -> None:
    entries = [said("goal", TEN, pinned=True), *(said(f"{n}", TEN) for n in range(4))]
    assert chosen(entries, 30) == "goal 2 3"


def test_a_proposal_stays_with_all_of_its_answers() -> None:
    entries = [
        said("goal", TEN),
        proposed("p", "c1", "c2"),
        replied("r1", "c1", TEN),
        replied("r2", "c2", TEN),
        said("last", TEN),
    ]
    assert chosen(entries, 10 + 4 + 20 + 1) == "p r1 r2 last"
    assert chosen(entries, 10 + 4 + 20) == "last"


def test_an_answer_that_is_pinned_keeps_its_whole_exchange() -> None:
    reply = replied("r1", "c1", TEN).model_copy(update={"pinned": True})
    entries = [proposed("p", "c1"), reply, said("old", TEN), said("last", TEN)]
    assert chosen(entries, 25) == "p r1 last"


def test_what_is_older_than_the_first_that_does_not_fit_is_dropped_too() -> None:
    entries = [said("small", "x"), said("large", "x" * 400), said("last", TEN)]
    assert chosen(entries, 50) == "last"


def test_a_budget_that_what_must_stay_exceeds_is_refused() -> None:
    entries = [said("goal", TEN, pinned=True), said("last", TEN)]
    assert chosen(entries, 20) == "goal last"
    with pytest.raises(ContextRefusedError) as refused:
        select(entries, 19)
    assert refused.value.info.error_type == "over_budget"
    assert not refused.value.info.retryable
    assert refused.value.info.message == (
        "What must be in the context takes about 20 tokens; 19 are allowed."
    )


def test_nothing_is_chosen_from_an_empty_transcript() -> None:
    assert select([], 0).selected == ()


roles = st.sampled_from([Role.USER, Role.ASSISTANT, Role.TOOL])
messages = st.lists(
    st.tuples(roles, st.integers(0, 200), st.integers(0, 9).map(lambda n: n == 0)), max_size=30
)


@given(messages, st.integers(0, 600))
def test_every_selection_keeps_the_rules(parts: list[tuple[Role, int, bool]], budget: int) -> None:
    entries = [
        said(f"{n}", "x" * size, role, pinned=pinned)
        for n, (role, size, pinned) in enumerate(parts)
    ]
    exchanges = exchanges_of(entries)
    must = [each for each in exchanges if any(entry.pinned for entry in each)]
    must += [each for each in exchanges[-1:] if each not in must]
    try:
        selection = select(entries, budget)
    except ContextRefusedError:
        assert sum(entry.token_estimate for each in must for entry in each) > budget
        return
    ids = [entry.id for entry in selection.selected]
    dropped = [entry.id for entry in selection.dropped]
    assert selection.token_estimate <= budget
    assert sorted([*ids, *dropped], key=int) == [entry.id for entry in entries]
    assert ids == sorted(ids, key=int)
    for each in exchanges:
        assert len({entry.id in ids for entry in each}) == 1
    assert all(entry.id in ids for each in must for entry in each)
    # What is not pinned is chosen from the end on, without a hole.
    free = [each[0].id in ids for each in exchanges if each not in must]
    assert free == sorted(free)
