"""A soak: memory and lag over time, from the figures of ``make bench-soak``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.performance.growth_part import table
from benchmarks.performance.lines import lines

Figures = Mapping[str, Any]


def part(figures: Figures) -> str:
    """Return the tables and plots as Markdown."""
    about = (
        f"{figures['minutes']:g} minutes at {figures['load']:.0%} of {figures['capacity_per_s']:g}"
        f" runs/s: {figures['asked']:,} runs asked for, {figures['completed']:,} completed,"
        f" {figures['offered_per_s']:g} runs/s. A run took {figures['run_p50_ms']:,.0f} ms at the"
        f" median and {figures['run_p99_ms']:,.0f} ms at the 99th percentile, from when it was due."
    )
    if figures.get("stopped"):
        about += f" It was stopped: {figures['stopped']}."
    trends = figures["trends"]
    memory = [
        [name, each["first_mb"], each["last_mb"], each["mb_an_hour"], each["cores"]]
        for name, each in trends["memory"].items()
    ]
    lag = trends["lag"]
    caught_up = "not" if figures["caught_up_s"] is None else figures["caught_up_s"]
    behind = [[lag["most"], lag["median"], lag["an_hour"], caught_up]]
    return "\n\n".join(
        [
            about,
            "\n".join(
                table(["process", "MB at first", "MB at last", "MB/hour", "busy cores"], memory)
            ),
            "![memory](soak-memory.svg)",
            "\n".join(
                table(
                    ["most records behind", "median", "grows an hour", "seconds to catch up"],
                    behind,
                )
            ),
            "![lag](soak-lag.svg)",
        ]
    )


def charts(figures: Figures) -> dict[str, str]:
    """Return the plots of memory and lag over time."""
    samples = figures["samples"]
    names = samples[0]["memory_mb"] if samples else ()
    memory = {
        name: [(each["s"] / 60, each["memory_mb"].get(name, 0.0)) for each in samples]
        for name in names
    }
    behind = {"views": [(each["s"] / 60, each["behind"]) for each in samples]}
    return {
        "soak-memory.svg": lines("Memory, shared pages counted once", "MB", "minutes", memory),
        "soak-lag.svg": lines("Most behind the journal in 10 s", "records", "minutes", behind),
    }
