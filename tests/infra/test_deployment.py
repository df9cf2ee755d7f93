"""Which pairs of a database and of topics are refused, by what each says of itself."""

from __future__ import annotations

from uuid import UUID

import pytest

from runfold.infra.deployment.identity import Binding, Journal, mark_of, mismatch

OURS, THEIRS = UUID(int=1), UUID(int=2)
MARK = mark_of(OURS)


@pytest.mark.parametrize(
    ("journal", "binding"),
    [
        (None, None),
        (None, Binding(OURS)),
        (Journal("t"), None),
        (Journal("t"), Binding(OURS)),
        (Journal("t"), Binding(OURS, "t")),
        (Journal("t", MARK), Binding(OURS)),
        (Journal("t", MARK), Binding(OURS, "t")),
    ],
)
def test_what_belongs_together_or_says_nothing_passes(
    journal: Journal | None, binding: Binding | None
) -> None:
    assert mismatch(journal, binding) == ""


@pytest.mark.parametrize(
    ("journal", "binding", "said"),
    [
        (Journal("t", MARK), None, "a deployment with another database"),
        (Journal("t", MARK), Binding(THEIRS), "a deployment with another database"),
        (Journal("t", MARK), Binding(THEIRS, "t"), "a deployment with another database"),
        (Journal("t"), Binding(OURS, "u"), "whose topics are not those of this Kafka"),
        (Journal("t", MARK), Binding(OURS, "u"), "whose topics are not those of this Kafka"),
        (None, Binding(OURS, "u"), "whose topics are not in this Kafka"),
    ],
)
def test_what_belongs_to_another_is_refused_with_the_way_out(
    journal: Journal | None, binding: Binding | None, said: str
) -> None:
    found = mismatch(journal, binding)
    assert said in found
    assert "`runfold up --adopt`" in found


def test_a_mark_is_a_number_that_kafka_takes_and_nobody_would_set() -> None:
    marks = {int(mark_of(UUID(int=number))) for number in range(1000)}
    assert len(marks) == 1000
    assert all(2**61 <= mark < 2**62 for mark in marks)
    # It stands on topics: it never changes.
    assert MARK == "3424874963095509103"
