"""docs/performance/growth.md and its plots, drawn from the figures of ``make bench-growth``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.performance.chart import Bar, chart, number

_FOLDER = Path(__file__).resolve().parents[1] / "docs" / "performance"
_BEGIN, _END = "<!-- generated, do not edit -->", "<!-- end -->"

Figures = Mapping[str, Any]


def write_page(figures: Figures) -> None:
    """Keep the figures beside the page, draw its plots, and put its tables between the marks."""
    (_FOLDER / "growth.json").write_text(json.dumps(figures, indent=2) + "\n")
    for name, drawn in plots(figures).items():
        (_FOLDER / name).write_text(drawn)
    page = _FOLDER / "growth.md"
    page.write_text(_between(page.read_text(), tables(figures)))


def outdated() -> list[str]:
    """Return the names of files that do not say what the figures on record say."""
    figures = json.loads((_FOLDER / "growth.json").read_text())
    page = (_FOLDER / "growth.md").read_text()
    stale = [] if page == _between(page, tables(figures)) else ["growth.md"]
    drawn = plots(figures)
    return stale + [name for name in drawn if (_FOLDER / name).read_text() != drawn[name]]


def plots(figures: Figures) -> dict[str, str]:
    """Return the plots of what was measured, by the names of their files."""
    drawn = {}
    if steps := figures.get("steps"):
        drawn["growth-steps.svg"] = _bars(
            "Processor time a step, lanes and broker",
            "µs",
            [(f"runs of {each['steps']:,} steps", each["cpu_us"]) for each in steps],
        )
    if live := figures.get("live"):
        drawn["growth-live.svg"] = _bars(
            "Memory of a live run in its lane",
            "KB",
            [(f"{each['runs']:,} live runs", each["memory_kb_a_run"]) for each in live],
        )
    if lanes := figures.get("lanes"):
        drawn["growth-lanes.svg"] = _bars(
            f"Runs of 11 steps on {figures['cores']} cores",
            "runs/s",
            [
                (f"{e['partitions']} partitions, {e['processes']} processes", e["runs_per_s"])
                for e in lanes
            ],
        )
    return drawn


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
}


def tables(figures: Figures) -> str:
    """Return the tables and plots as Markdown; a part that was not measured says so."""
    parts = []
    for part, columns in _TABLES.items():
        if part not in figures:
            parts.append(f"Of {part} nothing is measured yet: `make bench-growth`.")
            continue
        rows = [[each[key] for key in columns.values()] for each in figures[part]]
        parts += ["\n".join(_table(list(columns), rows)), f"![{part}](growth-{part}.svg)"]
    return "\n\n".join(parts)


def _bars(title: str, unit: str, values: Sequence[tuple[str, float]]) -> str:
    return chart(title, unit, [Bar(label, each, each, each) for label, each in values])


def _table(head: Sequence[str], rows: Sequence[Sequence[float]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"|{'---:|' * len(head)}",
        *(f"| {' | '.join(number(each) for each in row)} |" for row in rows),
    ]


def _between(page: str, text: str) -> str:
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{text}\n\n{_END}{after}"
