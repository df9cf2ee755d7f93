"""The generator's type set is closed: what has no agreed form on the wire is refused by name."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from pydantic import Field, ValidationError, create_model

from runfold.events.avro.headers import headers
from runfold.events.avro.quantities import amount_bytes, amount_of
from runfold.events.avro.schema import meaning, schema_for, subject
from runfold.events.base import Money, Record, Symbol, Timestamp
from runfold.events.errors import SchemaError, WireError
from runfold.events.run import ToolCallStarted
from runfold.events.topics import EVENTS
from runfold.events.values import Actor, Limits


class Plain(Symbol):
    ONE = "one"


class Twin(Record):
    """Another thing of this name."""


def record(kind: Any, default: Any = ...) -> type[Record]:
    return create_model("Thing", __base__=Record, field=(kind, default))


def field(kind: Any, default: Any = ...) -> Any:
    return schema_for(record(kind, default))["fields"][0]


@pytest.mark.parametrize(
    "kind",
    [
        dict[str, str], list[str], set[str], Any, object, Decimal, dt.datetime, Plain,
        tuple[str, int], int | str, int | str | None, dt.date, tuple,
    ],
)  # fmt: skip
def test_a_type_outside_the_set_is_refused_with_class_and_field(kind: Any) -> None:
    with pytest.raises(SchemaError, match=r"Thing\.field"):
        field(kind)


def test_each_type_has_one_form() -> None:
    assert field(int)["type"] == "long"
    assert field(float)["type"] == "double"
    assert field(bool)["type"] == "boolean"
    assert field(Timestamp)["type"] == {"type": "long", "logicalType": "timestamp-micros"}
    assert field(Money)["type"]["precision"] == 38
    assert field(tuple[int, ...])["type"] == {"type": "array", "items": "long"}
    assert field(Money | None, None)["type"][0] == "null"
    assert field(Actor)["type"]["name"] == "Actor"


def test_defaults_are_written_as_avro_writes_them() -> None:
    assert "default" not in field(int | None)
    assert field(int | None, None)["default"] is None
    assert field(tuple[int, ...], ())["default"] == []
    assert field(Money, Decimal(0))["default"] == "\x00"
    assert field(bool, False)["default"] is False
    assert field(str, "")["default"] == ""


@pytest.mark.parametrize(
    ("kind", "default"), [(int | None, 3), (bytes, b"x"), (tuple[int, ...], (1,))]
)
def test_a_default_without_a_form_is_refused(kind: Any, default: Any) -> None:
    with pytest.raises(SchemaError, match=r"Thing\.field has the default"):
        field(kind, default)


def test_a_default_made_at_run_time_is_refused() -> None:
    with pytest.raises(SchemaError, match="makes its default at run time"):
        field(str, Field(default_factory=str))


def test_two_classes_of_one_name_are_refused() -> None:
    other = create_model("Twin", __base__=Record, name=(str, ...))
    both = create_model("Both", __base__=Record, one=(Twin, ...), two=(other, ...))
    with pytest.raises(SchemaError, match="Two classes are called Twin"):
        schema_for(both)


def test_documentation_is_no_part_of_the_meaning() -> None:
    schema = schema_for(ToolCallStarted)
    assert schema["doc"].startswith("A call was handed")
    assert meaning(schema) == meaning({**schema, "doc": "otherwise"})
    assert meaning(schema) != meaning({**schema, "name": "Other"})


def test_the_subject_holds_topic_and_record() -> None:
    assert subject(EVENTS, ToolCallStarted) == "runs.events-runfold.ToolCallStarted"


@pytest.mark.parametrize("amount", ["1E+27", "0.0000000000001", "NaN", "Infinity"])
def test_an_amount_that_does_not_fit_is_refused(amount: str) -> None:
    with pytest.raises(WireError, match="does not fit decimal"):
        amount_bytes(Decimal(amount))


def test_an_amount_too_large_is_a_fault_of_its_field() -> None:
    with pytest.raises(ValidationError, match="does not fit decimal"):
        Limits(max_cost=Decimal("1E+27"))


@pytest.mark.parametrize("amount", ["0", "-0.000000000001", "99999999999999999999999999"])
def test_an_amount_comes_back(amount: str) -> None:
    assert amount_of(amount_bytes(Decimal(amount))) == Decimal(amount)


def test_headers_are_those_of_cloudevents() -> None:
    at = dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    found = headers("RunRequested", "e1", "runfold/cli", at, "r1", "00-a-b-01")
    assert dict(found) == {
        "ce_specversion": b"1.0",
        "ce_id": b"e1",
        "ce_type": b"runfold.RunRequested",
        "ce_source": b"runfold/cli",
        "ce_time": b"2026-01-02T03:04:05.000006+00:00",
        "ce_subject": b"r1",
        "content-type": b"application/avro",
        "traceparent": b"00-a-b-01",
    }
    assert "traceparent" not in dict(headers("RunRequested", "e1", "s", at, "r1", ""))
