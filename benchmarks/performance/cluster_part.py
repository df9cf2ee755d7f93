"""What ``python -m benchmarks.cluster`` simulated, as tables and a plot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.performance.growth_part import table
from benchmarks.performance.lines import lines

Figures = Mapping[str, Any]

_PARTS = {
    "lanes": "run processors",
    "brokers": "brokers",
    "projectors": "projectors",
    "databases": "databases",
}


def part(figures: Figures) -> str:
    """Return the section as Markdown."""
    said = [
        _cost_table(figures["costs"]),
        "This machine, measured and simulated, by runs in flight:",
        _check_table(figures["checked"]),
        f"{figures['rate']:,.0f} runs a second, {_planned(figures['plan'])}:",
        _load_table(figures["offered"]),
        "![How busy the busiest of each part is](cluster-load.svg)",
        "The same load, with more than its share on one partition:",
        _hot_table(figures["heated"]),
    ]
    return "\n\n".join(said)


def charts(figures: Figures) -> dict[str, str]:
    """Return the plot by the name of its file."""
    series = {
        title: [(each["offered"], each[name][1] * 100) for each in figures["offered"]]
        for name, title in _PARTS.items()
    }
    return {
        "cluster-load.svg": lines(
            "How busy the busiest of each part is", "% of it", "runs a second offered", series
        )
    }


def _cost_table(costs: Figures) -> str:
    rows = [
        [title, costs[name]["run"], costs[name]["transaction"]]
        for name, title in (
            ("lanes", "lanes, stubs of calls included"),
            ("broker", "broker"),
            ("projector", "projector"),
            ("postgres", "Postgres"),
        )
    ]
    return "\n".join(table(["part", "ms a run", "ms a transaction"], rows))


def _check_table(rows: list[Figures]) -> str:
    head = [
        "in flight",
        "runs/s measured",
        "simulated",
        "transactions a run measured",
        "simulated",
    ]
    return "\n".join(table(head, [list(row.values()) for row in rows]))


def _planned(plan: Figures) -> str:
    return (
        f"on {plan['partitions']} partitions, {plan['processes']} run processors,"
        f" {plan['brokers']} brokers of {plan['broker_cores']} cores with {plan['copies']} copies,"
        f" {plan['projectors']} projectors and {plan['databases']} databases"
        f" of {plan['database_cores']} cores"
    )


def _load_table(rows: list[Figures]) -> str:
    head = [
        "runs/s offered",
        "completed",
        *(f"{title}, mean / busiest" for title in _PARTS.values()),
        "transactions a run",
        "decision, ms, p50 / p99",
        "views behind, s, p99",
    ]
    found: list[list[float | str]] = []
    for row in rows:
        busy = [f"{row[name][0]:.0%} / {row[name][1]:.0%}" for name in _PARTS]
        offered, completed = row["offered"], row["runs_per_s"]
        found.append([offered, completed, *busy, row["transactions"], _took(row), row["behind_s"]])
    return "\n".join(table(head, found))


def _hot_table(rows: list[Figures]) -> str:
    head = [
        "times its share",
        "runs/s on it",
        "busiest run processor",
        "decision there, ms, p99",
        "anywhere, p50 / p99",
    ]
    found = [
        [row["times"], row["runs"], f"{row['lanes'][1]:.0%}", row["hot_decision_ms"], _took(row)]
        for row in rows
    ]
    return "\n".join(table(head, found))


def _took(row: Figures) -> str:
    middle, late = row["decision_ms"]
    return f"{middle:,.1f} / {late:,.1f}"
