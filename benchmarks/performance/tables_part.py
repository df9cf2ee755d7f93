"""Queries in full tables: what each touched, from the figures of ``make bench-tables``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.performance.growth_part import bars, table

Figures = Mapping[str, Any]

_LABEL = 38


def part(figures: Figures) -> str:
    """Return the tables and the plot as Markdown."""
    about = (
        f"{figures['events']:,} events and {figures['rows'] - figures['events']:,} other rows,"
        f" {figures['database_mb']:,} MB with indexes, filled in {figures['filled_s']:,.0f} s."
    )
    lookups = [
        [each["question"], each["rows"], each["pages"], each["may"], *_end(each)]
        for each in figures["lookups"]
    ]
    reports = [[each["question"], each["pages"], *_end(each)] for each in figures["reports"]]
    return "\n\n".join(
        [
            about,
            "\n".join(table(["look-up", "rows", "pages", "may", "ms", "by"], lookups)),
            "![pages](growth-tables.svg)",
            "\n".join(table(["report over everything", "pages", "ms", "by"], reports)),
        ]
    )


def charts(figures: Figures) -> dict[str, str]:
    """Return the plot: pages that each look-up touched."""
    title = f"Pages of 8 KB that a look-up touches, {figures['events']:,} events"
    values = [(_short(each["question"]), each["pages"]) for each in figures["lookups"]]
    return {"growth-tables.svg": bars(title, "pages", values)}


def _end(each: Figures) -> Sequence[float | str]:
    return [each["ms"], ", ".join(each["scans"])]


def _short(text: str) -> str:
    plain = text.strip("`")
    return plain if len(plain) <= _LABEL else f"{plain[: _LABEL - 1]}…"
