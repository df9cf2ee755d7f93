"""The statistics of a log in words, for a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SHOWN = 8
_EXAMPLE_CHARS = 160


def markdown(found: Mapping[str, Any]) -> str:
    """Return a section of Markdown: numbers, problems, bursts, busiest hours."""
    span = "no times found"
    if found["first_time"]:
        span = f"{found['first_time']} to {found['last_time']}"
    levels = ", ".join(f"{count} {level}" for level, count in found["levels"].items())
    lines = [
        f"`{found['file']}`: {found['lines']} lines, {found['bytes']} bytes, {span}.",
        "",
        f"By level: {levels or 'no levels found'}.",
        "",
        *_problems(found),
        *_bursts(found),
        *_hours(found),
    ]
    if found["truncated"]:
        lines += ["", "The file was too large to read to its end."]
    return "\n".join(lines)


def _problems(found: Mapping[str, Any]) -> list[str]:
    if not found["problems"]:
        return ["No warnings and no errors."]
    rows = [
        f"| {kind['count']} | {kind['level']} | {kind['first_line']} | {_cell(kind['example'])} |"
        for kind in found["problems"][:_SHOWN]
    ]
    head = ["| count | level | first line | example |", "|---:|---|---:|---|"]
    return [f"{found['problem_kinds']} kinds of problems, the gravest first:", "", *head, *rows]


def _bursts(found: Mapping[str, Any]) -> list[str]:
    lines = []
    for burst in found["bursts"][:3]:
        span = f"from {burst['start']} to {burst['end']}, beginning at line {burst['first_line']}"
        lines += ["", f"Burst of {burst['count']} errors {span}."]
    return lines


def _hours(found: Mapping[str, Any]) -> list[str]:
    busiest = max(found["hours"], key=lambda hour: hour["errors"], default=None)
    if busiest is None or not busiest["errors"]:
        return []
    return ["", f"Most errors in the hour from {busiest['hour']}: {busiest['errors']}."]


def _cell(text: str) -> str:
    flat = text[:_EXAMPLE_CHARS].replace("`", "'").replace("|", "\\|")
    return f"`{flat}`"
