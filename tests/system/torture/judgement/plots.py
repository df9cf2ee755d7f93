"""Plots as inline SVG."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

_WIDTH, _HEIGHT, _LEFT = 900, 180, 40


def timeline(points: Sequence[Sequence[float]], marks: Sequence[tuple[float, str]]) -> str:
    """Events a second as bars, faults as lines whose names are shown when pointed at."""
    if not points:
        return ""
    last = max([*(at for at, _ in points), *(at for at, _ in marks)]) + 1
    most = max(count for _, count in points)
    x = (_WIDTH - _LEFT) / last
    bars = "".join(
        f'<rect x="{_LEFT + at * x:.1f}" width="{max(x - 0.5, 0.5):.1f}" fill="#4878a8" '
        f'y="{_HEIGHT - 20 - count / most * (_HEIGHT - 40):.1f}" '
        f'height="{count / most * (_HEIGHT - 40):.1f}"/>'
        for at, count in points
        if at >= 0
    )
    lines = "".join(
        f'<line x1="{_LEFT + at * x:.1f}" x2="{_LEFT + at * x:.1f}" y1="4" y2="{_HEIGHT - 20}" '
        f'stroke="#c44" stroke-opacity=".55"><title>{at:.1f} s: {html.escape(name)}</title></line>'
        for at, name in marks
    )
    labels = (
        f'<text x="0" y="24">{most:.0f}/s</text><text x="0" y="{_HEIGHT - 22}">0</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 5}">0 s</text>'
        f'<text x="{_WIDTH - 40}" y="{_HEIGHT - 5}">{last:.0f} s</text>'
    )
    return _svg(_HEIGHT, bars + lines + labels)


def dots(groups: Mapping[str, Sequence[float]]) -> str:
    """One row a group, one dot a value, on a common scale from zero."""
    left, row = 230, 22
    most = max((value for values in groups.values() for value in values), default=1.0)
    drawn = []
    for number, (name, values) in enumerate(sorted(groups.items())):
        y = number * row + 14
        drawn.append(f'<text x="0" y="{y + 4}">{html.escape(name)}</text>')
        drawn.extend(
            f'<circle cx="{left + value / most * (_WIDTH - left - 20):.1f}" cy="{y}" r="4" '
            f'fill="#4878a8" fill-opacity=".5"><title>{value:.2f} s</title></circle>'
            for value in values
        )
    height = len(groups) * row + 24
    drawn.append(f'<text x="{left}" y="{height - 4}">0 s</text>')
    drawn.append(f'<text x="{_WIDTH - 50}" y="{height - 4}">{most:.1f} s</text>')
    return _svg(height, "".join(drawn))


def _svg(height: int, inside: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" xmlns="http://www.w3.org/2000/svg">{inside}</svg>'
