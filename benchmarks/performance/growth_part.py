"""What ``make bench-growth`` measured, as tables and plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.performance.chart import Bar, chart, number
from benchmarks.performance.lines import lines

Figures = Mapping[str, Any]

_TABLES = {
    "steps": {
        "steps a run": "steps",
        "events a step": "events",
        "bytes a step": "bytes",
        "CPU µs a step": "cpu_us",
        "ms a step, alone": "latency_ms",
    },
    "live": {
        "live runs": "runs",
        "KB a run": "memory_kb_a_run",
        "seconds to read back": "restore_s",
        "records": "records",
    },
    "lanes": {"partitions": "partitions", "processes": "processes", "runs/s": "runs_per_s"},
    "transaction_cost": {
        "in flight": "in_flight",
        "runs/s": "runs_per_s",
        "transactions a run": "transactions",
        "CPU ms a run: lanes": "lanes",
        "broker": "broker",
        "projector": "projector",
        "Postgres": "postgres",
    },
    "following": {
        "runs at once": "runs",
        "runs/s": "runs_per_s",
        "records": "records",
        "most records behind": "most_behind",
        "most seconds behind": "most_behind_s",
        "seconds to catch up": "caught_up_s",
    },
    "rebuild": {
        "view": "view",
        "events read": "events",
        "rows": "rows",
        "seconds": "seconds",
        "events/s": "events_per_s",
        "CPU µs an event": "cpu_us",
    },
}


def part(figures: Figures) -> str:
    """Return the tables and plots as Markdown; what was not measured says so."""
    said = []
    for name, columns in _TABLES.items():
        if name not in figures:
            said.append(f"Of {name} nothing is measured yet: `make bench-growth`.")
            continue
        rows = [[each[key] for key in columns.values()] for each in figures[name]]
        said += ["\n".join(table(list(columns), rows)), f"![{name}](growth-{name}.svg)"]
    return "\n\n".join(said)


def charts(figures: Figures) -> dict[str, str]:
    """Return the plots of what was measured, by the names of their files."""
    drawn = {}
    if steps := figures.get("steps"):
        drawn["growth-steps.svg"] = bars(
            "Processor time a step, lanes and broker",
            "µs",
            [(f"runs of {each['steps']:,} steps", each["cpu_us"]) for each in steps],
        )
    if live := figures.get("live"):
        drawn["growth-live.svg"] = bars(
            "Memory of a live run in its lane",
            "KB",
            [(f"{each['runs']:,} live runs", each["memory_kb_a_run"]) for each in live],
        )
    if lanes := figures.get("lanes"):
        drawn["growth-lanes.svg"] = bars(
            f"Runs of 11 steps on {figures['cores']} cores",
            "runs/s",
            [(_shared(each), each["runs_per_s"]) for each in lanes],
        )
    if shared := figures.get("transaction_cost"):
        drawn["growth-transaction_cost.svg"] = bars(
            "Processor time a run, all parts",
            "ms",
            [(f"{each['in_flight']} in flight", _spent(each)) for each in shared],
        )
    if looks := figures.get("following_looks"):
        drawn["growth-following.svg"] = lines(
            f"Behind the journal, {figures['following'][0]['runs']:,} runs at once",
            "records",
            "seconds",
            {"views": [(at, behind) for at, behind, _ in looks]},
        )
    if rebuilt := figures.get("rebuild"):
        drawn["growth-rebuild.svg"] = bars(
            "A view folded again from offset 0",
            "events/s",
            [(each["view"], each["events_per_s"]) for each in rebuilt],
        )
    return drawn


def bars(title: str, unit: str, values: Sequence[tuple[str, float]]) -> str:
    """Return a bar chart of figures without a range."""
    return chart(title, unit, [Bar(label, each, each, each) for label, each in values])


def table(head: Sequence[str], rows: Sequence[Sequence[float | str]]) -> list[str]:
    """Return a Markdown table; texts to the left, figures to the right."""
    first = rows[0] if rows else [0] * len(head)
    marks = "".join("---|" if isinstance(each, str) else "---:|" for each in first)
    return [
        f"| {' | '.join(head)} |",
        f"|{marks}",
        *(f"| {' | '.join(map(_shown, row))} |" for row in rows),
    ]


def _spent(each: Figures) -> float:
    return float(sum(each[part] for part in ("lanes", "broker", "projector", "postgres")))


def _shared(each: Figures) -> str:
    many = "processes" if each["processes"] > 1 else "process"
    return f"{each['partitions']} partitions, {each['processes']} {many}"


def _shown(value: float | str) -> str:
    return value.replace("|", "\\|") if isinstance(value, str) else number(value)
