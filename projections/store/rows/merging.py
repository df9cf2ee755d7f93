"""Changes of one batch to the same row become one change, by the rules of the table's columns."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import Table

from runfold.projections.tables.base import ADD, ADD_IF_ANY, EITHER, KEEP, rule_of
from runfold.projections.view import Rows

_Rule = Callable[[Any, Any], Any]


def _keep(old: Any, _new: Any) -> Any:
    return old


def _add(old: Any, new: Any) -> Any:
    return old + new


def _either(old: Any, new: Any) -> Any:
    return old or new


_RULES: dict[str, _Rule] = {ADD: _add, ADD_IF_ANY: _add, KEEP: _keep, EITHER: _either}


@cache
def _rules(table: Table) -> dict[str, _Rule]:
    """Return the rules of the columns whose new value does not simply replace the old one."""
    return {
        column.name: rule
        for column in table.columns
        if (rule := _RULES.get(rule_of(column))) is not None
    }


@cache
def _key(table: Table) -> str:
    return next(iter(table.primary_key.columns)).name


class Merging:
    """The changed rows of one table while they are folded; its first column is the key."""

    def __init__(self, table: Table, rows: Rows) -> None:
        self._key = _key(table)
        self._rules = _rules(table)
        self._rows = rows.of(table)

    def put(self, **values: Any) -> None:
        """Add a row or a change to one; a value of None changes nothing."""
        row = self._rows.get(values[self._key])
        if row is None:
            row = {name: value for name, value in values.items() if value is not None}
            self._rows[values[self._key]] = row
            return
        rules = self._rules
        for name, value in values.items():
            if value is None:
                continue
            if name in rules and (old := row.get(name)) is not None:
                row[name] = rules[name](old, value)
            else:
                row[name] = value
