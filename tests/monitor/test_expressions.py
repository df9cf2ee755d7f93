"""The arithmetic of rules: what it computes and what it refuses."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest

from runfold.processors.monitor.core.expressions import ExpressionError, parse


class Readings:
    window = timedelta(minutes=5)

    def total(self, metric: str, window: timedelta | None) -> Fraction:
        known = {"retries": 6, "model_calls": 8, "cost_usd": Fraction(1, 4), "tool_calls": 0}
        return Fraction(known[metric]) * (10 if window else 1)

    def durations(self, metric: str, window: timedelta | None) -> dict[int, int]:
        return {100: 9, 2000: 1} if metric == "model_ms" else {}

    def gauge(self, metric: str) -> Fraction:
        return Fraction(3)

    def percentile(self, metric: str, percent: int, window: timedelta | None) -> Fraction | None:
        return Fraction(percent) if metric == "model_ms" else None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("retries / (model_calls + tool_calls)", Fraction(3, 4)),
        ("retries - 2 * 0.1", Fraction(58, 10)),
        ("-retries + stuck_runs", -3),
        ("per_hour(cost_usd)", 3),
        ("per_minute(cost_usd, '10m')", Fraction(1, 4)),
        ("per_hour(cost_usd) / per_hour(cost_usd, '6h')", Fraction(36, 5)),
        ("sum(retries, '1h')", 60),
        ("count(model_ms)", 10),
        ("slower(model_ms, 1000) / count(model_ms)", Fraction(1, 10)),
        ("p95(model_ms) * 2", 190),
        ("p95(tool_ms)", None),
        ("retries / tool_calls", None),
        ("1 + retries / tool_calls", None),
        ("retries / (p50(tool_ms) + 1)", None),
    ],
)
def test_values_are_exact(text: str, value: Fraction | None) -> None:
    assert parse(text).evaluate(Readings()) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("retrys", "no metric retrys"),
        ("retries / 0", "divides by '0', which is always zero"),
        ("retries / (model_calls - model_calls)", "always zero"),
        ("retries / (2 * 3 - 6)", "always zero"),
        ("1 + 2", "names no metric"),
        ("model_ms", "say which of them"),
        ("p95(retries)", "takes a duration"),
        ("per_hour(model_ms)", "takes a total"),
        ("per_hour(stuck_runs)", "is a gauge"),
        ("sum(retries, '7m30s')", "is no period"),
        ("sum(retries, '15s')", "no multiple of 10s"),
        ("sum(retries, '2d')", "longer than 1d"),
        ("slower(run_ms)", "slower takes"),
        ("p96(model_ms)", "no function p96"),
        ("retries ** 2", "not allowed"),
        ("__import__('os')", "no function __import__"),
        ("retries.real", "not allowed"),
        ("retries if 1 else 2", "not allowed"),
        ("True + retries", "not allowed"),
        ("retries +", "no expression"),
        ("(" * 300 + "retries" + ")" * 300, "characters"),
    ],
)
def test_what_means_nothing_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ExpressionError, match=reason.replace("(", r"\(")):
        parse(text)


def test_an_expression_tells_what_it_looks_at() -> None:
    found = parse("sum(retries, '1h') / model_calls + retries")
    assert found.metrics == ("retries", "model_calls")
    assert found.windows == (timedelta(hours=1),)
    assert found.windowed
    assert not parse("oldest_wait_s").windowed
