"""What a row of measurements comes to: percentiles, slopes, and how long ago something was."""

from __future__ import annotations

import statistics
from bisect import bisect_right
from collections.abc import Sequence

Point = tuple[float, float]
"""Seconds since the beginning, and a value."""

_HOUR_S = 3600.0


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile from 1 to 99; the value itself where there is one, 0 where none."""
    if len(values) < 2:
        return round(values[0], 2) if values else 0.0
    return round(statistics.quantiles(values, n=100, method="inclusive")[percent - 1], 2)


def second_half(points: Sequence[Point]) -> list[Point]:
    """Return the points from the middle of the time on: what came before may be warming up."""
    if not points:
        return []
    middle = (points[0][0] + points[-1][0]) / 2
    return [point for point in points if point[0] >= middle]


def an_hour(points: Sequence[Point]) -> float:
    """Return by how much a value grows an hour, by the straight line that fits the points best.

    0 where fewer than two points tell nothing of a slope.
    """
    if len({at for at, _ in points}) < 2:
        return 0.0
    fitted = statistics.linear_regression([at for at, _ in points], [v for _, v in points])
    return fitted.slope * _HOUR_S


def ages(at: Sequence[float], ends: Sequence[float], reached: Sequence[float]) -> list[float]:
    """Return how many seconds a reader was behind a log at each look.

    ``ends`` is where the log ended at a look and ``reached`` how far the reader was: it is as old
    as the time at which the log ended there, between two looks in proportion. What the log held
    before the first look counts from then.
    """
    found = []
    for now, end, there in zip(at, ends, reached, strict=True):
        before = bisect_right(ends, there) - 1
        if there >= end:
            found.append(0.0)
        elif before < 0:
            found.append(now - at[0])
        else:
            share = (there - ends[before]) / (ends[before + 1] - ends[before])
            found.append(now - at[before] - share * (at[before + 1] - at[before]))
    return found
