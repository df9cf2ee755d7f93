"""What columns are made of, and how a later event changes a row that is there already."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
)
from sqlalchemy import text as literal
from sqlalchemy.dialects.postgresql import JSON, JSONB

from runfold.events.base import MONEY_PRECISION, MONEY_SCALE

METADATA = MetaData()

ADD: Final = "old.{c} + coalesce(new.{c}, 0)"
ADD_IF_ANY: Final = "coalesce(old.{c} + new.{c}, new.{c}, old.{c})"
KEEP: Final = "coalesce(old.{c}, new.{c})"
REPLACE: Final = "coalesce(new.{c}, old.{c})"
EITHER: Final = "old.{c} or coalesce(new.{c}, false)"

_UNKNOWN: Final = "nullif({sum}, CASE WHEN {unpriced} > 0 THEN 0 END)"
KNOWN: Final = _UNKNOWN.format(
    sum="coalesce(old.{c}, 0) + coalesce(new.{c}, 0)",
    unpriced="old.unpriced_calls + coalesce(new.unpriced_calls, 0)",
)
"""The sum of what is known, null where nothing of it is: what has no price does not cost 0."""

KNOWN_AT_FIRST: Final = _UNKNOWN.format(
    sum="coalesce(new.{c}, 0)", unpriced="coalesce(new.unpriced_calls, 0)"
)

CARRIED: Final = "carried"
"""In a table's info: values that its merge rules need beside its columns, with their SQL types."""

_MERGE: Final = "merge"
_INITIAL: Final = "initial"
_BULKY: Final = "bulky"


def text(
    name: str, comment: str, *, key: bool = False, null: bool = True, **more: Any
) -> Column[Any]:
    """Return a text column; ``merge`` says what an update does, REPLACE unless given."""
    return _column(name, Text(), comment, key=key, null=null, **more)


def whole(
    name: str, comment: str, *, key: bool = False, null: bool = True, **more: Any
) -> Column[Any]:
    """Return a 64-bit integer column."""
    return _column(name, BigInteger(), comment, key=key, null=null, **more)


def small(name: str, comment: str, *, null: bool = True, **more: Any) -> Column[Any]:
    """Return a 32-bit integer column."""
    return _column(name, Integer(), comment, null=null, **more)


def count(name: str, comment: str) -> Column[Any]:
    """Return a counter that starts at 0 and to which updates add."""
    return _column(name, BigInteger(), comment, null=False, merge=ADD, default="0")


def flag(
    name: str, comment: str, *, merge: str = EITHER, initial: str | None = None
) -> Column[Any]:
    """Return a boolean column that is never null; by default false, and once true it stays so."""
    return _column(
        name, Boolean(), comment, null=False, merge=merge, default="false", initial=initial
    )


def tristate(name: str, comment: str, *, merge: str = REPLACE) -> Column[Any]:
    """Return a boolean column that is null where nobody knows."""
    return _column(name, Boolean(), comment, merge=merge)


def moment(name: str, comment: str, *, null: bool = True, **more: Any) -> Column[Any]:
    """Return a moment in UTC."""
    return _column(name, DateTime(timezone=True), comment, null=null, **more)


def usd(name: str, comment: str, *, null: bool = True, **more: Any) -> Column[Any]:
    """Return an amount in US dollars, exact to twelve decimal places."""
    return _column(name, Numeric(MONEY_PRECISION, MONEY_SCALE), comment, null=null, **more)


def document(name: str, comment: str, *, null: bool = True, **more: Any) -> Column[Any]:
    """Return a JSONB column; ``bulky`` where it may hold contents."""
    return _column(name, JSONB(), comment, null=null, **more)


def verbatim(name: str, comment: str, *, null: bool = True, bulky: bool = False) -> Column[Any]:
    """Return a JSON column, for documents of rows that are never changed: kept as written."""
    return _column(name, JSON(), comment, null=null, bulky=bulky)


ROOM_TO_CHANGE: Final = {"fillfactor": 70}
"""Storage of tables whose rows change often: a new version finds room beside the old one, and
where no indexed column changes, no index hears of it."""

WHOLE_IN_ROW: Final = {"toast_tuple_target": 4080}
"""Storage of tables whose rows are long: up to half a page they are not cut up."""


def bulky_columns(table: Table) -> list[str]:
    """Return the columns that may hold contents; what they hold is not to be compressed."""
    return [column.name for column in table.columns if column.info[_BULKY]]


def present(name: str) -> Any:
    """Return the condition of an index that holds only rows where a column has a value."""
    return literal(f"{name} is not null")


def rule_of(column: Column[Any]) -> str:
    """Return how an update changes this column: one of the rules above, or SQL of its own."""
    return str(column.info[_MERGE])


def initial_of(column: Column[Any]) -> str | None:
    """Return the SQL of a new row's value over the row ``new``, where the column has one."""
    initial: str | None = column.info[_INITIAL]
    return None if initial is None else initial.format(c=column.name)


def merge_of(column: Column[Any]) -> str:
    """Return the SQL with which an update changes this column, over rows ``old`` and ``new``."""
    return rule_of(column).format(c=column.name)


def _column(  # noqa: PLR0913 - what a column is made of
    name: str,
    kind: Any,
    comment: str,
    *,
    key: bool = False,
    null: bool = True,
    merge: str = REPLACE,
    default: str | None = None,
    initial: str | None = None,
    bulky: bool = False,
) -> Column[Any]:
    return Column(
        name,
        kind,
        primary_key=key,
        # Partitions and offsets are not to become serial numbers of the database's own.
        autoincrement=False,
        nullable=null and not key,
        server_default=None if default is None else literal(default),
        comment=comment,
        info={_MERGE: merge, _INITIAL: initial, _BULKY: bulky},
    )
