"""The small arithmetic that rules are written in: numbers, metrics, + - * / and a few functions.

``p50 p90 p95 p99`` of a duration, ``count`` of durations, ``slower(duration, ms)``,
``per_minute`` and ``per_hour`` of a total, ``sum``; a text as the last argument names another
window than the rule's. A division by nothing that happened has no value, and neither has a
percentile of nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from runfold.processors.monitor.core.metrics import METRICS, Kind
from runfold.processors.monitor.core.periods import PeriodError, window_of

PERCENTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99}
_RATES = {"per_minute": timedelta(minutes=1), "per_hour": timedelta(hours=1)}
_SECOND = timedelta(seconds=1)
_TOTALS = {*_RATES, "sum"}
_FUNCTIONS = {*PERCENTILES, *_TOTALS, "count", "slower"}
_MOST_CHARACTERS = 500


class ExpressionError(ValueError):
    """A text that is no expression; the message says which part and why."""


class Readings(Protocol):
    """Where the values of metrics come from; ``window`` None is the rule's own."""

    @property
    def window(self) -> timedelta:
        """The rule's own window."""

    def total(self, metric: str, window: timedelta | None) -> Fraction:
        """Return the sum over a window."""

    def durations(self, metric: str, window: timedelta | None) -> dict[int, int]:
        """Return how often each duration occurred in a window."""

    def gauge(self, metric: str) -> Fraction:
        """Return the value of the moment."""

    def percentile(self, metric: str, percent: int, window: timedelta | None) -> Fraction | None:
        """Return a percentile over a window, None of nothing."""


_Node = Callable[[Readings], Fraction | None]


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was checked; ``metrics`` in the order they are named."""

    text: str
    metrics: tuple[str, ...]
    windows: tuple[timedelta, ...]
    evaluate: _Node

    @property
    def windowed(self) -> bool:
        """Whether it looks at a window at all; gauges are of the moment."""
        return any(METRICS[name].kind is not Kind.GAUGE for name in self.metrics)


def parse(text: str) -> Expression:
    """Return the expression of a text; raises ExpressionError."""
    if len(text) > _MOST_CHARACTERS:
        raise ExpressionError(f"an expression has at most {_MOST_CHARACTERS} characters")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"{text!r} is no expression") from error
    parser = _Parser()
    evaluate = parser.node(tree.body)
    if not parser.metrics:
        raise ExpressionError(f"{text!r} names no metric: it would say the same for ever")
    return Expression(text, tuple(dict.fromkeys(parser.metrics)), tuple(parser.windows), evaluate)


class _Parser:
    def __init__(self) -> None:
        self.metrics: list[str] = []
        self.windows: list[timedelta] = []

    def node(self, node: ast.expr) -> _Node:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                value = Fraction(Decimal(str(number)))
                return lambda _: value
            case ast.Name(id=name):
                return self._metric(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.node(operand)
                return lambda of: None if (value := inner(of)) is None else -value
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._quotient(left, right)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as op, right=right):
                return _arithmetic(op, self.node(left), self.node(right))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments)
            case _:
                raise ExpressionError(
                    f"{ast.unparse(node)!r} is not allowed: use numbers, metrics, + - * / and "
                    f"the functions {', '.join(sorted(_FUNCTIONS))}"
                )

    def _metric(self, name: str) -> _Node:
        kind = self._known(name)
        if kind is Kind.DURATION:
            raise ExpressionError(
                f"{name} is a duration: say which of them, such as p95({name}) or count({name})"
            )
        if kind is Kind.GAUGE:
            return lambda of: of.gauge(name)
        return lambda of: of.total(name, None)

    def _known(self, name: str) -> Kind:
        if name not in METRICS:
            raise ExpressionError(f"there is no metric {name}; docs/monitor.md lists them")
        self.metrics.append(name)
        return METRICS[name].kind

    def _quotient(self, left: ast.expr, right: ast.expr) -> _Node:
        over, under = self.node(left), self.node(right)
        if all(under(probe) in {None, 0} for probe in _PROBES):
            raise ExpressionError(f"it divides by {ast.unparse(right)!r}, which is always zero")

        def quotient(of: Readings) -> Fraction | None:
            top, bottom = over(of), under(of)
            return None if top is None or not bottom else top / bottom

        return quotient

    def _call(self, name: str, arguments: list[ast.expr]) -> _Node:
        if name not in _FUNCTIONS:
            raise ExpressionError(
                f"there is no function {name}: use {', '.join(sorted(_FUNCTIONS))}"
            )
        rest, window = self._window(arguments)
        metric, limit = _shape(name, rest)
        kind = self._known(metric)
        wanted = Kind.TOTAL if name in _TOTALS else Kind.DURATION
        if kind is not wanted:
            raise ExpressionError(f"{name} takes a {wanted.value}, and {metric} is a {kind.value}")
        if name in PERCENTILES:
            return lambda of: of.percentile(metric, PERCENTILES[name], window)
        if name == "count":
            return lambda of: Fraction(sum(of.durations(metric, window).values()))
        if name == "slower":
            return lambda of: Fraction(
                sum(n for value, n in of.durations(metric, window).items() if value > limit)
            )
        if name == "sum":
            return lambda of: of.total(metric, window)
        return lambda of: (
            of.total(metric, window)
            * Fraction(_RATES[name] // _SECOND, (window or of.window) // _SECOND)
        )

    def _window(self, arguments: list[ast.expr]) -> tuple[list[ast.expr], timedelta | None]:
        match arguments:
            case [*rest, ast.Constant(value=str() as text)]:
                try:
                    window = window_of(text)
                except PeriodError as error:
                    raise ExpressionError(str(error)) from error
                self.windows.append(window)
                return rest, window
            case _:
                return arguments, None


def _shape(name: str, arguments: list[ast.expr]) -> tuple[str, int]:
    match name, arguments:
        case "slower", [ast.Name(id=metric), ast.Constant(value=int() as limit)]:
            return metric, limit
        case "slower", _:
            raise ExpressionError("slower takes a duration and milliseconds: slower(run_ms, 60000)")
        case _, [ast.Name(id=metric)]:
            return metric, 0
        case _:
            raise ExpressionError(f"{name} takes one metric, and perhaps a window such as '1h'")


def _arithmetic(op: ast.operator, left: _Node, right: _Node) -> _Node:
    def apply(of: Readings) -> Fraction | None:
        one, two = left(of), right(of)
        if one is None or two is None:
            return None
        match op:
            case ast.Add():
                return one + two
            case ast.Sub():
                return one - two
            case _:
                return one * two

    return apply


class _Probe:
    """Values that no metric shares with another: what is zero among them is always zero."""

    window = timedelta(minutes=5)

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def gauge(self, metric: str) -> Fraction:
        return Fraction(self._seed + 97 * list(METRICS).index(metric))

    def total(self, metric: str, window: timedelta | None) -> Fraction:
        return self.gauge(metric) + int((window or self.window).total_seconds())

    def durations(self, metric: str, window: timedelta | None) -> dict[int, int]:
        # Slower than any limit a rule could name.
        return {10**12: int(self.total(metric, window))}

    def percentile(self, metric: str, percent: int, window: timedelta | None) -> Fraction | None:
        return self.total(metric, window) * percent


_PROBES = (_Probe(1009), _Probe(7919))
