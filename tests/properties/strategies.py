"""Any record of the vocabulary, as Hypothesis draws it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from runfold.events.avro.shapes import (
    Amount,
    Array,
    Enumeration,
    Moment,
    Nullable,
    Primitive,
    Shape,
    Structure,
    fields_of,
)
from runfold.events.base import Record, money

LONGS = st.integers(-(2**63), 2**63 - 1) | st.integers(-70, 70) | st.integers(4090, 4100)
AMOUNTS = (
    st.integers(-(10**15), 10**15).map(lambda units: money(Decimal(units).scaleb(-12)))
    | st.integers(-300, 300).map(lambda units: money(Decimal(units).scaleb(-12)))
    | st.just(money(10**26 - 1))
)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def _whole_millis(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


_PRIMITIVES: dict[str, st.SearchStrategy[object]] = {
    "string": st.text(st.characters(codec="utf-8"), max_size=30),
    "bytes": st.binary(max_size=40),
    "long": LONGS,
    "double": st.floats(allow_nan=False),
    "boolean": st.booleans(),
}


def records(record: type[Record]) -> st.SearchStrategy[Record]:
    """Return valid records of one class."""
    return st.builds(record, **{each.name: _values(each.shape) for each in fields_of(record)})


def _values(shape: Shape) -> st.SearchStrategy[object]:  # noqa: PLR0911 - one a shape
    match shape:
        case Primitive(kind):
            return _PRIMITIVES[kind]
        case Amount():
            return AMOUNTS
        case Moment(millis):
            return MOMENTS.map(_whole_millis) if millis else MOMENTS
        case Enumeration(symbol):
            return st.sampled_from(list(symbol))
        case Structure(record):
            return records(record)
        case Nullable(inner):
            return st.none() | _values(inner)
        case Array(item):
            return st.lists(_values(item), max_size=2).map(tuple)
