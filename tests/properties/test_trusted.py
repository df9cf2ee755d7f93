"""A record that nothing validated is the one that validation would have made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runfold.events.base import Record
from runfold.events.calls import Message, Role
from runfold.events.catalogue import CATALOGUE
from runfold.events.run import Meta, ToolCallApproved
from runfold.events.trusted import trusted
from runfold.events.values import Counters, Usage

HELD = sorted({record for held in CATALOGUE.values() for record in held}, key=lambda r: r.__name__)


@pytest.mark.parametrize(
    ("made", "validated"),
    [
        (trusted(Usage)(output_tokens=2), Usage(output_tokens=2)),
        (trusted(Message)(call_id="c", role=Role.TOOL), Message(call_id="c", role=Role.TOOL)),
        (trusted(Counters)(), Counters()),
        (trusted(ToolCallApproved)(call_id="c"), ToolCallApproved(call_id="c")),
    ],
)
def test_fields_that_are_not_given_take_their_defaults(made: Record, validated: Record) -> None:
    assert made == validated
    assert list(made) == list(validated)
    assert made.model_copy() == validated
    assert repr(made) == repr(validated)


def test_fields_stand_in_the_order_of_the_class_however_they_are_given() -> None:
    given: dict[str, Any] = dict.fromkeys(reversed(Meta.model_fields))
    assert [name for name, _ in trusted(Meta)(**given)] == list(Meta.model_fields)


def test_a_field_that_is_missing_or_unknown_is_an_error() -> None:
    made: Callable[..., Record] = trusted(ToolCallApproved)
    with pytest.raises(TypeError, match="call_id"):
        made()
    with pytest.raises(TypeError, match="colour"):
        made(call_id="c", colour="red")


@pytest.mark.parametrize("record", HELD, ids=lambda record: record.__name__)
def test_records_do_not_share_what_they_hold(record: type[Record]) -> None:
    given: dict[str, Any] = dict.fromkeys(record.model_fields)
    one, other = trusted(record)(**given), trusted(record)(**given)
    assert one == other
    assert vars(one) is not vars(other)
