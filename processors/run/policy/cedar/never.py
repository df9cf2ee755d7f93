"""Rules that can never match, as far as conditions show it one comparison at a time.

A condition is taken apart into alternatives, each of which bounds what it looks at: a Long or a
decimal by a range, anything else by values. Where no alternative is left the condition is never
true. Nothing is known of what compares one attribute with another, of sets beyond whether they
contain a value, and of patterns, but that each is what it was a moment before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from runfold.events.contents.content import canonical_json
from runfold.events.values import DataClassification
from runfold.processors.run.policy.cedar.people import CHANGES

_MOST_ALTERNATIVES = 64
# What Cedar reads as a decimal; of any other text the checker says that it is none.
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]{1,4}", re.ASCII)
_SCALE = 10_000


@dataclass(frozen=True, slots=True)
class Space:
    """What a value may be: from ``low`` to ``high``, one of ``among``, and none of ``without``."""

    low: int | None = None
    high: int | None = None
    among: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def within(self, other: Space) -> Space:
        """Return what both allow."""
        lows = [each for each in (self.low, other.low) if each is not None]
        highs = [each for each in (self.high, other.high) if each is not None]
        both = [each for each in (self.among, other.among) if each is not None]
        among = frozenset.intersection(*both) if both else None
        without = self.without | other.without
        return Space(max(lows, default=None), min(highs, default=None), among, without)

    def is_empty(self) -> bool:
        """Whether nothing is allowed; a range without an end is not."""
        if self.low is not None and self.high is not None:
            if self.low > self.high:
                return True
            if self.high - self.low < len(self.without) + 1:
                rest = {str(each) for each in range(self.low, self.high + 1)} - self.without
                return not rest
        return self.among is not None and not any(map(self._allows, self.among - self.without))

    def _allows(self, value: str) -> bool:
        if self.low is None and self.high is None:
            return True
        if not value.lstrip("-").isdecimal():
            return False
        number = int(value)
        return (self.low is None or number >= self.low) and (
            self.high is None or number <= self.high
        )


Box = Mapping[str, Space]
"""What one alternative says of each expression that it looks at; of others anything."""


def _of(name: str, attribute: str) -> str:
    return canonical_json({".": {"left": {"Var": name}, "attr": attribute}})


def _values(*values: str) -> frozenset[str]:
    return frozenset(map(canonical_json, values))


KNOWN: Box = {
    _of("resource", "level"): Space(0, 4),
    _of("context", "hour"): Space(0, 23),
    _of("context", "weekday"): Space(1, 7),
    **{_of("context", each): Space(0) for each in ("step", "model_calls", "tool_calls", "time")},
    f"decimal {_of('context', 'cost')}": Space(0),
    _of("context", "classification"): Space(among=_values(*(e.value for e in DataClassification))),
    _of("context", "change"): Space(among=_values(*CHANGES)),
}
"""What is so in every request."""


def never_true(body: Mapping[str, Any]) -> bool:
    """Whether a rule, in Cedar's JSON, cannot match whatever is asked; False where it may."""
    left: list[Box] = [KNOWN]
    for variable in ("principal", "resource"):
        head = body[variable]
        if head["op"] == "==" and "entity" in head:
            same = {
                "==": {"left": {"Var": variable}, "right": {"Value": {"__entity": head["entity"]}}}
            }
            left = _both(left, _boxes(same, wanted=True))
    for condition in body["conditions"]:
        left = _both(left, _boxes(condition["body"], wanted=condition["kind"] == "when"))
    return not left


def _boxes(expr: Any, *, wanted: bool) -> list[Box]:
    """Return alternatives of which one holds wherever an expression is what is wanted."""
    match expr:
        case {"Value": bool(value)}:
            return [{}] if value is wanted else []
        case {"!": {"arg": arg}}:
            return _boxes(arg, wanted=not wanted)
        case {"&&": {"left": left, "right": right}}:
            first, second = _boxes(left, wanted=wanted), _boxes(right, wanted=wanted)
            return _both(first, second) if wanted else _either(first, second)
        case {"||": {"left": left, "right": right}}:
            first, second = _boxes(left, wanted=wanted), _boxes(right, wanted=wanted)
            return _either(first, second) if wanted else _both(first, second)
        case _:
            return _atom(expr, wanted=wanted)


def _both(first: list[Box], second: list[Box]) -> list[Box]:
    if len(first) * len(second) > _MOST_ALTERNATIVES:
        # What either says is true of both together.
        return first if len(first) <= len(second) else second
    merged = (_merged(one, other) for one in first for other in second)
    return [each for each in merged if each is not None]


def _either(first: list[Box], second: list[Box]) -> list[Box]:
    return [*first, *second] if len(first) + len(second) <= _MOST_ALTERNATIVES else [{}]


def _merged(one: Box, other: Box) -> Box | None:
    found = dict(one)
    for name, space in other.items():
        found[name] = space.within(found[name]) if name in found else space
        if found[name].is_empty():
            return None
    return found


def _atom(expr: Any, *, wanted: bool) -> list[Box]:
    for name, space, opposite in _read(expr):
        said = space if wanted else opposite
        return [] if said.is_empty() else [{name: said}]
    truth = canonical_json(wanted)
    return [{canonical_json(expr): Space(among=frozenset({truth}))}]


def _read(expr: Any) -> Iterator[tuple[str, Space, Space]]:
    """Yield what an expression looks at, what it allows, and what its opposite does."""
    match expr:
        case {"==": {"left": left, "right": {"Value": value}}} if not _is_literal(left):
            yield _equal(left, value)
        case {"==": {"left": {"Value": value}, "right": right}} if not _is_literal(right):
            yield _equal(right, value)
        case {"!=": {"left": left, "right": right}}:
            for name, space, opposite in _read({"==": {"left": left, "right": right}}):
                yield name, opposite, space
        case {"contains": {"left": {"Set": values}, "right": right}} if all(
            map(_is_literal, values)
        ):
            among = frozenset(canonical_json(each["Value"]) for each in values)
            yield canonical_json(right), Space(among=among), Space(without=among)
        case {"in": {"left": left, "right": {"Set": []}}}:
            yield canonical_json(left), Space(among=frozenset()), Space()
        case _:
            yield from _ordered(expr)


def _equal(of: Any, value: Any) -> tuple[str, Space, Space]:
    said = frozenset({canonical_json(value)})
    return canonical_json(of), Space(among=said), Space(without=said)


_ORDERS = {"<": (None, -1), "<=": (None, 0), ">": (1, None), ">=": (0, None)}
_METHODS = {
    "lessThan": "<",
    "lessThanOrEqual": "<=",
    "greaterThan": ">",
    "greaterThanOrEqual": ">=",
}
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def _ordered(expr: Any) -> Iterator[tuple[str, Space, Space]]:
    if not isinstance(expr, Mapping) or len(expr) != 1:
        return
    ((operator, sides),) = expr.items()
    match sides:
        case {"left": left, "right": {"Value": int(number)}} if operator in _ORDERS:
            yield _range(canonical_json(left), operator, number)
        case {"left": {"Value": int(number)}, "right": right} if operator in _ORDERS:
            yield _range(canonical_json(right), _FLIPPED[operator], number)
        case [left, {"decimal": [{"Value": str(text)}]}] if (
            operator in _METHODS and _DECIMAL.fullmatch(text)
        ):
            number = int(Decimal(text) * _SCALE)
            yield _range(f"decimal {canonical_json(left)}", _METHODS[operator], number)


def _range(name: str, operator: str, number: int) -> tuple[str, Space, Space]:
    return name, _bounds(operator, number), _bounds(_OPPOSITE[operator], number)


def _bounds(operator: str, number: int) -> Space:
    low, high = _ORDERS[operator]
    space = Space() if low is None else Space(low=number + low)
    return space if high is None else replace(space, high=number + high)


def _is_literal(expr: Any) -> bool:
    return isinstance(expr, Mapping) and "Value" in expr
