"""The floor's table and plot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.performance.chart import Bar, chart, number


def part(report: dict[str, Any]) -> str:
    """Return the text between the marks of the page."""
    return "\n".join(_lines(report))


def charts(report: dict[str, Any]) -> dict[str, str]:
    """Return the plot by the name of its file."""
    bars = []
    for row in report["parts"]:
        ratio = row["ratio"]
        label = f"{row['name']}: {number(row['runfold'])} / {number(row['floor'])} {row['unit']}"
        bars.append(Bar(label, ratio, ratio, ratio, marked=True))
    return {"floors.svg": chart("Runfold to its floor", "times the floor, part by part", bars)}


def _lines(report: dict[str, Any]) -> Iterator[str]:
    yield "![Runfold to its floor, part by part](performance/floors.svg)\n"
    yield f"{report['runs']} runs made together; for the step, single runs.\n"
    yield "| | Runfold | floor | unit | ratio | the floor is |"
    yield "|---|---:|---:|---|---:|---|"
    for row in report["parts"]:
        figures = f"{number(row['runfold'])} | {number(row['floor'])} | {row['unit']}"
        yield f"| {row['name']} | {figures} | {number(row['ratio'])} | {row['floor_is']} |"
