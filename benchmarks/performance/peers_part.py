"""The peers' tables and plots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.performance.chart import Bar, chart, number

System = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its head, and the figures it shows, joined by a slash.

    ``case`` is where the head's numbers of runs come from; slow systems make fewer and say so.
    """

    head: str
    names: tuple[str, ...]
    case: str = ""


def _rate(head: str, case: str) -> Column:
    return Column(head, (f"{case}_runs_per_s",), case)


TABLES: tuple[tuple[str, tuple[Column, ...]], ...] = (
    (
        "Runs a second",
        (
            _rate("{runs:,.0f}, {at_once:,.0f} in flight", "few"),
            _rate("{runs:,.0f} together", "few_together"),
            _rate("{runs:,.0f}, {at_once:,.0f} in flight", "many"),
            _rate("{runs:,.0f} together", "many_together"),
            _rate("{runs:,.0f}, model of 50 ms", "slow_model"),
            _rate("{runs:,.0f}, contents of 10 KB", "large_contents"),
        ),
    ),
    (
        "Milliseconds that a step adds, one run at a time: p50 / p99",
        (
            Column("stubs", ("single_step_p50_ms", "single_step_p99_ms")),
            Column(
                "model of 50 ms",
                ("single_slow_model_step_p50_ms", "single_slow_model_step_p99_ms"),
            ),
            Column(
                "contents of 10 KB",
                ("single_large_contents_step_p50_ms", "single_large_contents_step_p99_ms"),
            ),
            Column("a whole run of stubs", ("single_run_p50_ms", "single_run_p99_ms")),
        ),
    ),
    (
        "What a run costs, the first case of the first table",
        (
            Column("CPU ms: workers", ("few_cpu_ms_per_run_worker",)),
            Column("CPU ms: store", ("few_cpu_ms_per_run_store",)),
            Column("CPU ms: all", ("few_cpu_ms_per_run",)),
            Column("bytes at rest: record", ("few_bytes_per_run_record",)),
            Column("bytes at rest: all", ("few_bytes_per_run",)),
            Column("memory, MB: workers / store", ("few_memory_mb_worker", "few_memory_mb_store")),
        ),
    ),
    (
        "kill -9 of the workers at half of the work",
        (
            Column("s until {runs:,.0f} are done", ("crash_to_done_s",), "crash"),
            Column("effects repeated", ("crash_effects_repeated",)),
            Column("effects lost", ("crash_effects_lost",)),
            Column("model calls repeated", ("crash_model_calls_repeated",)),
        ),
    ),
)

CHARTS = {
    "throughput": ("Runs a second", "50 in flight; more is better", "few_runs_per_s"),
    "throughput_many": (
        "Runs a second, many runs",
        "50 in flight; more is better",
        "many_runs_per_s",
    ),
    "step": ("What a step adds", "ms, p50 of single runs; less is better", "single_step_p50_ms"),
    "recovery": ("From kill -9 until all runs are done", "s; less is better", "crash_to_done_s"),
    "processor": ("Processor time a run", "ms; less is better", "few_cpu_ms_per_run"),
    "rest": ("Bytes at rest a run", "bytes; less is better", "few_bytes_per_run"),
}
"""Each plot by the name of its file: title, unit, figure."""


def part(report: dict[str, Any]) -> str:
    """Return the text between the marks of the page."""
    return "\n".join([*_preface(report), *_plots(), *_tables(report), *_settings(report)])


def charts(report: dict[str, Any]) -> dict[str, str]:
    """Return the plots by the names of their files."""
    return {
        f"{name}.svg": chart(title, unit, _bars(report["systems"], figure))
        for name, (title, unit, figure) in CHARTS.items()
    }


def _preface(report: dict[str, Any]) -> Iterator[str]:
    host = report["host"]
    yield (
        f"Measured on {report['measured_at']}: {host['cores']} cores ({host['processor']}), "
        f"{host['memory_gb']} GB, {host['system']}, Python {host['python']}; a synced append of "
        f"4 KiB takes {host['fsync_4k_p50_ms']} ms; before it began the machine was "
        f"{host['busy_percent_before']:.0f} % busy. Profile `{report['profile']}`, "
        f"{report['rounds']} rounds by turns, {report['seconds'] // 60} minutes. Medians, with "
        "the range of the rounds in brackets.\n"
    )


def _plots() -> Iterator[str]:
    for name, (title, _, _) in CHARTS.items():
        yield f"![{title}](performance/{name}.svg)\n"


def _tables(report: dict[str, Any]) -> Iterator[str]:
    for title, columns in TABLES:
        yield f"**{title}**\n"
        heads = [_head(report["systems"], column) for column in columns]
        yield f"| | {' | '.join(heads)} |"
        yield "|---|" + "---:|" * len(columns)
        for system in _measured(report["systems"]):
            cells = " | ".join(_cell(system, column, report["systems"]) for column in columns)
            yield f"| {system['title']} | {cells} |"
        yield ""


def _settings(report: dict[str, Any]) -> Iterator[str]:
    yield "**Versions and settings**\n"
    yield "| | versions | settings | licence |"
    yield "|---|---|---|---|"
    for system in report["systems"]:
        if "versions" in system:
            versions = ", ".join(f"{name} {said}" for name, said in system["versions"].items())
            said = f"{versions} | {system['settings']} | {system['licence']}"
            yield f"| {system['title']} | {said} |"
    yield ""
    for system in report["systems"]:
        if "not_measured" in system:
            yield f"{system['title']}: not measured: {system['not_measured']}\n"


def _measured(systems: Sequence[System]) -> list[System]:
    return [system for system in systems if system["rounds_measured"]]


def _bars(systems: Sequence[System], figure: str) -> list[Bar]:
    bars = []
    for system in _measured(systems):
        if figure in system:
            low, high = system["ranges"][figure]
            marked = system["name"].startswith("runfold")
            bars.append(Bar(system["title"], system[figure], low, high, marked))
    return bars


def _head(systems: Sequence[System], column: Column) -> str:
    runs, at_once = _runs(systems, column), _most(systems, f"{column.case}_at_once")
    return column.head.format(runs=runs, at_once=at_once)


def _cell(system: System, column: Column, systems: Sequence[System]) -> str:
    if any(name not in system for name in column.names):
        return "-"
    said = " / ".join(number(system[name]) for name in column.names)
    low, high = system["ranges"][column.names[0]]
    if low != high:
        said += f" ({number(low)} to {number(high)})"
    fewer = system.get(f"{column.case}_runs", 0) < _runs(systems, column)
    return f"{said}, {system[f'{column.case}_runs']:,.0f} runs" if fewer else said


def _runs(systems: Sequence[System], column: Column) -> float:
    return _most(systems, f"{column.case}_runs")


def _most(systems: Sequence[System], figure: str) -> float:
    return max((float(system.get(figure, 0)) for system in systems), default=0.0)
