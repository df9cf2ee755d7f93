"""Bar charts as SVG: one bar a row, a line for the range of the rounds, the figure at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _LEFT, _RIGHT = 760, 260, 80
_ROW, _BAR, _TOP = 28, 16, 46
_FONT = "system-ui, sans-serif"
_PLAIN, _MARKED = "#7f8c9b", "#1f6feb"
_INK, _FAINT = "#1f2328", "#59636e"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; ``low`` and ``high`` are the range, ``marked`` sets it off."""

    label: str
    value: float
    low: float
    high: float
    marked: bool = False


def chart(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """Return the chart; bars keep their order, lengths begin at zero."""
    height = _TOP + _ROW * len(bars) + 12
    longest = max((bar.high for bar in bars), default=1.0) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{_FONT}">',
        f"<title>{escape(title)}, {escape(unit)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(12, 26, title, 'font-size="15" font-weight="600"', _INK),
        _text(_WIDTH - 12, 26, unit, 'font-size="12.5" text-anchor="end"', _FAINT),
    ]
    for row, bar in enumerate(bars):
        lines += _drawn(bar, _TOP + _ROW * row, scale)
    return "\n".join([*lines, "</svg>\n"])


def number(value: float) -> str:
    """Return a figure as it is read: three digits that count, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    shown = f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return shown.rstrip("0").rstrip(".")


def _drawn(bar: Bar, top: int, scale: float) -> list[str]:
    middle, colour = top + _ROW // 2, _MARKED if bar.marked else _PLAIN
    end, low, high = (round(_LEFT + at * scale, 1) for at in (bar.value, bar.low, bar.high))
    box = f'x="{_LEFT}" y="{middle - _BAR // 2}" width="{max(1.0, end - _LEFT):.1f}"'
    line = f'x1="{low}" x2="{high}" y1="{middle}" y2="{middle}"'
    small = 'font-size="12.5"'
    return [
        _text(_LEFT - 10, middle + 4, bar.label, f'{small} text-anchor="end"', _INK),
        f'<rect {box} height="{_BAR}" fill="{colour}"/>',
        f'<line {line} stroke="{_INK}"/>',
        _text(max(end, high) + 8, middle + 4, number(bar.value), small, _FAINT),
    ]


def _text(x: float, y: float, said: str, look: str, colour: str) -> str:
    return f'<text x="{x:.1f}" y="{y}" {look} fill="{colour}">{escape(said)}</text>'
