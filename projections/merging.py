"""Changes of one batch to the same row become one change, by the rules of the table's columns."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import Table

from projections.tables.base import ADD, ADD_IF_ANY, EITHER, KEEP, rule_of
from projections.view import Row

_Rule = Callable[[Any, Any], Any]


def _replace(_old: Any, new: Any) -> Any:
    return new


def _keep(old: Any, _new: Any) -> Any:
    return old


def _add(old: Any, new: Any) -> Any:
    return old + new


def _either(old: Any, new: Any) -> Any:
    return old or new


_RULES: dict[str, _Rule] = {ADD: _add, ADD_IF_ANY: _add, KEEP: _keep, EITHER: _either}


@cache
def _rules(table: Table) -> dict[str, _Rule]:
    return {column.name: _RULES.get(rule_of(column), _replace) for column in table.columns}


class Merging:
    """The rows of one table while a batch is folded; the first column of the table is the key."""

    def __init__(self, table: Table) -> None:
        self._key = next(iter(table.primary_key.columns)).name
        self._rules = _rules(table)
        self._rows: dict[str, Row] = {}

    def put(self, **values: Any) -> None:
        """Add a row or a change to one; a value of None changes nothing."""
        row = self._rows.setdefault(values[self._key], {})
        for name, value in values.items():
            if value is None:
                continue
            old = row.get(name)
            row[name] = value if old is None else self._rules[name](old, value)

    def rows(self) -> list[Row]:
        """Return one row a key, in the order in which they came up."""
        return list(self._rows.values())
