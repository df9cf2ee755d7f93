"""Line charts as SVG: values over time, one line a series, named at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import cycle

from benchmarks.performance.chart import number

_WIDTH, _HEIGHT = 760, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 150, 46, 44
_FONT = "system-ui, sans-serif"
_INK, _FAINT, _RULE = "#1f2328", "#59636e", "#d1d9e0"
_COLOURS = ("#1f6feb", "#bf3989", "#1a7f37", "#9a6700", "#7f8c9b", "#8250df")
_MARKS = 5
_ROW = 15
_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)

Series = Mapping[str, Sequence[tuple[float, float]]]


def lines(title: str, unit: str, axis: str, series: Series) -> str:
    """Return the chart; ``axis`` says what runs to the right, both axes begin at zero."""
    points = [point for each in series.values() for point in each]
    right = max((x for x, _ in points), default=0.0) or 1.0
    top = _rounded(max((y for _, y in points), default=0.0))
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{_FONT}">',
        f"<title>{escape(title)}, {escape(unit)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        _text(12, 26, title, 'font-size="15" font-weight="600"', _INK),
        _text(_WIDTH - 12, 26, unit, 'font-size="12.5" text-anchor="end"', _FAINT),
        *_rules(right, top),
        _text(_x(right / 2, right), _HEIGHT - 8, axis, _small("middle"), _FAINT),
    ]
    drawable = {name: each for name, each in series.items() if each}
    names = _apart([_y(each[-1][1], top) for each in drawable.values()])
    for (name, each), colour, at in zip(drawable.items(), cycle(_COLOURS), names, strict=False):
        path = " ".join(f"{_x(x, right):.1f},{_y(y, top):.1f}" for x, y in each)
        drawn.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        )
        drawn.append(_text(_WIDTH - _RIGHT + 8, at + 4, name, _small("start"), colour))
    return "\n".join([*drawn, "</svg>\n"])


def _rules(right: float, top: float) -> list[str]:
    drawn = []
    for value in _marks(top):
        y = _y(value, top)
        ends = f'x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"'
        drawn.append(f'<line {ends} stroke="{_RULE}"/>')
        drawn.append(_text(_LEFT - 8, y + 4, number(value), _small("end"), _FAINT))
    for at in _marks(right):
        x = _x(at, right)
        drawn.append(_text(x, _HEIGHT - _BOTTOM + 18, number(at), _small("middle"), _FAINT))
    return drawn


def _apart(wanted: Sequence[float]) -> list[float]:
    """Return places for names near those wanted, none upon another."""
    found = [*wanted]
    free = -float("inf")
    for index in sorted(range(len(wanted)), key=lambda n: wanted[n]):
        found[index] = max(wanted[index], free)
        free = found[index] + _ROW
    return found


def _marks(most: float) -> list[float]:
    """Return round values from zero to the most, five or a few less."""
    step = _rounded(most / _MARKS)
    return [step * n for n in range(_MARKS + 1) if step * n <= most * 1.0001]


def _rounded(value: float) -> float:
    """Return the next number up that divides well."""
    if value <= 0:
        return 1.0
    scale = 1.0
    while scale * 10 <= value:
        scale *= 10
    while scale > value:
        scale /= 10
    return next(scale * step for step in _STEPS if scale * step >= value)


def _x(value: float, right: float) -> float:
    return _LEFT + value / right * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _TOP - _BOTTOM)


def _small(anchor: str) -> str:
    return f'font-size="12.5" text-anchor="{anchor}"'


def _text(x: float, y: float, said: str, look: str, colour: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {look} fill="{colour}">{escape(said)}</text>'
