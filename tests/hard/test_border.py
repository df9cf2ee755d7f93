"""The border: results are made fit for the log, requests are refused with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.avro.samples import sample
from runfold.events.avro.shapes import (
    Amount,
    Array,
    Nullable,
    Primitive,
    Shape,
    Structure,
    fields_of,
)
from runfold.events.base import Record
from runfold.events.border import cleaned, fault_of, text_of
from runfold.events.calls import ContextResult, ModelResult, ToolResult
from runfold.events.catalogue import CATALOGUE, CONTROLS
from runfold.events.contents.content import text
from runfold.events.lengths import LONGEST, MOST_ITEMS
from runfold.events.records.commands import RunRequested

CODEC = Codec(LockRegistry())
RESULTS = (ModelResult, ToolResult, ContextResult)
ASKED = (RunRequested, *CONTROLS)
HALF = "\ud83d"

TEXTS = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=()), max_size=40),
    st.sampled_from([HALF, f"a{HALF}b", "\udc00", "\0", "x" * 300, "é" * 20_000, "\ud83d\ude00"]),
)
NUMBERS = st.one_of(st.integers(), st.sampled_from([2**63, -(2**63) - 1, 10**40]))
AMOUNTS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=6),
    st.sampled_from([Decimal(10) ** 30, Decimal("NaN"), Decimal("Infinity"), Decimal("-1E+40")]),
)


def hostile(shape: Shape) -> st.SearchStrategy[Any] | None:  # noqa: PLR0911 - a line each
    """Values of a shape as a stranger might send them; None where only sound ones can be."""
    match shape:
        case Primitive("string"):
            return TEXTS
        case Primitive("long"):
            return NUMBERS
        case Amount():
            return AMOUNTS
        case Structure(record):
            return of(record)
        case Nullable(inner):
            found = hostile(inner)
            return None if found is None else st.none() | found
        case Array(item):
            found = hostile(item)
            return None if found is None else st.lists(found, max_size=3).map(tuple)
        case _:
            return None


def of(record: type[Record]) -> st.SearchStrategy[Record]:
    """Records with hostile values in some of their fields."""
    changes = {
        each.name: found for each in fields_of(record) if (found := hostile(each.shape)) is not None
    }
    return st.fixed_dictionaries({}, optional=changes).map(
        lambda drawn: sample(record).model_copy(update=drawn)
    )


@pytest.mark.parametrize("kind", RESULTS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_a_result_holds_it_can_be_on_record(kind: type[Record], data: Any) -> None:
    result = data.draw(of(kind))
    clean = cleaned(result)
    CODEC.encode(topics.RESULTS, clean)
    assert fault_of(clean) is None
    assert cleaned(clean) is clean


@pytest.mark.parametrize("kind", ASKED, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_asked_is_refused_or_can_be_on_record(kind: type[Record], data: Any) -> None:
    asked = data.draw(of(kind))
    topic = topics.REQUESTS if kind is RunRequested else topics.CONTROLS
    if fault_of(asked) is None:
        CODEC.encode(topic, asked)
        assert cleaned(asked) is asked


@pytest.mark.parametrize("record", [*RESULTS, *ASKED], ids=lambda record: record.__name__)
def test_a_sound_record_passes_as_it_is(record: type[Record]) -> None:
    sound = cleaned(sample(record))
    assert cleaned(sound) is sound
    assert fault_of(sound) is None


def _inner(value: object) -> Iterator[Record]:
    if isinstance(value, Record):
        yield value
        for part in vars(value).values():
            yield from _inner(part)
    if isinstance(value, tuple):
        for part in value:
            yield from _inner(part)


def test_two_halves_that_belong_together_are_one_character() -> None:
    assert text_of("\ud83d\ude00") == "\U0001f600"
    assert text_of("a\ud83db") == "a\N{REPLACEMENT CHARACTER}b"
    assert text_of("a\0b") == "a\N{REPLACEMENT CHARACTER}b"


def test_a_text_that_is_too_long_is_cut_and_says_so() -> None:
    result = sample(ModelResult).model_copy(update={"model": "m" * 6_000})
    assert cleaned(result).model == "m" * 255 + "…"


def _request(**changes: object) -> RunRequested:
    given = {
        "run_id": "r",
        "tenant_id": "acme",
        "user_id": "u",
        "agent": "a",
        "goal": text("g"),
        "requested_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return RunRequested.model_validate(given | changes)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"tenant_id": "x" * 6_000}, "too_long", "tenant_id takes 6000 characters, 256 may be"),
        ({"thread_id": "a\0"}, "invalid_text", "thread_id holds half a character or a NUL"),
        ({"priority": 2**63}, "out_of_range", "priority does not fit into 64 bits"),
        ({"labels": [{"key": HALF, "value": "v"}]}, "invalid_text", "labels[0].key holds half"),
        ({"scopes": ["s"] * (MOST_ITEMS + 1)}, "too_many", "scopes holds 1001 items"),
        ({"goal": text("g").model_copy(update={"digest": b"x" * 32})}, "wrong_digest", "goal.dig"),
        ({"goal": text("g").model_copy(update={"size": 7})}, "wrong_size", "goal.size says 7"),
    ],
)
def test_a_refusal_names_the_field_and_the_bound(
    changes: dict[str, object], code: str, words: str
) -> None:
    fault = fault_of(_request(**changes))
    assert fault is not None
    assert fault.code == code
    assert fault.reason.startswith(words)


def test_every_field_that_is_listed_exists() -> None:
    known = {
        each.name
        for records in CATALOGUE.values()
        for record in records
        for inner in _inner(sample(record))
        for each in fields_of(type(inner))
    }
    assert set(LONGEST) - known == set()
