"""The live view: one page without scripts from elsewhere, made again every few seconds."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from runfold.processors.monitor.core.metrics import OTHER
from runfold.processors.monitor.core.snapshot import Row, RunRow, Snapshot

_HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="refresh" content="5"><title>Runfold monitor</title><style>
body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;
color:#1c2430;background:#fff}
h1{font-size:1.3rem}h2{font-size:1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #dfe4ea}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.page{color:#b00020;font-weight:600}.ticket{color:#8a5a00;font-weight:600}.quiet{color:#66707c}
</style></head><body><h1>Runfold monitor</h1>
"""
_COLUMNS = (
    ("events", "events"),
    ("runs_ended", "ended"),
    ("runs_failed", "failed"),
    ("model_calls", "model calls"),
    ("model_failures", "failed"),
    ("tool_calls", "tool calls"),
    ("tool_failures", "failed"),
    ("retries", "retries"),
    ("cost_usd", "USD"),
)
_LATENCIES = (("run_ms", "run p95"), ("model_ms", "model p95"), ("tool_ms", "tool p95"))


def page(now: Snapshot | None) -> str:
    """Return the page of a snapshot, or one that says that there is none yet."""
    if now is None:
        return _HEAD + "<p class=quiet>Reading the journal back; nothing is judged yet.</p>"
    live = ", ".join(f"{count} {escape(status)}" for status, count in sorted(now.live.items()))
    parts = [
        _HEAD,
        f"<p>As of {now.as_of:%Y-%m-%d %H:%M:%S} UTC.",
        f" {now.tally['events']:,} events taken. Live runs: {live or 'none'}.</p>",
        _left_out(now),
        _alerts(now),
        _runs("Stuck runs", now.stuck, now.stuck_total),
        _runs("Waiting for a person", now.waiting, now.waiting_total),
    ]
    windows = dict.fromkeys(row.window for row in now.rows)
    parts += [_rows(window, now.rows) for window in windows]
    return "".join([*parts, "</body></html>"])


def _left_out(now: Snapshot) -> str:
    """Return what the bounds of the monitor's memory leave out, nothing where it is nothing."""
    said = []
    if now.full:
        names = escape(", ".join(now.full))
        said.append(
            f"More names of {names} than are told apart: the later ones are counted as "
            f"&ldquo;{OTHER}&rdquo; (RUNFOLD_MONITOR_SUBJECTS)."
        )
    if forgotten := now.tally["forgotten"]:
        said.append(
            f"{forgotten:,} ended runs are not remembered any more; what was counted of them "
            "stays (RUNFOLD_MONITOR_ENDED)."
        )
    return f"<p class=quiet>{' '.join(said)}</p>" if said else ""


def _alerts(now: Snapshot) -> str:
    if not now.alerts:
        return "<h2>Alerts</h2><p class=quiet>None is raised.</p>"
    rows = [
        (
            f"<td class={escape(alert.severity.value)}>{escape(alert.severity.value)}</td>"
            f"<td>{escape(alert.rule)}</td><td>{escape(alert.subject)}</td>"
            f"<td>{escape(alert.summary)}</td><td class=n>{escape(alert.value)}</td>"
            f"<td class=n>{escape(alert.threshold)}</td>"
            f"<td>{alert.raised_at:%m-%d %H:%M:%S}</td>"
            f"<td>{escape(', '.join(alert.run_ids[:3]))}</td>"
        )
        for alert in sorted(now.alerts, key=lambda each: each.raised_at, reverse=True)
    ]
    heads = ("severity", "rule", "subject", "what", "value", "bound", "since", "runs")
    return "<h2>Alerts</h2>" + _table(heads, rows)


def _runs(title: str, runs: tuple[RunRow, ...], total: int) -> str:
    if not runs:
        return f"<h2>{title}</h2><p class=quiet>None.</p>"
    rows = [
        (
            f"<td>{escape(run.run_id)}</td><td>{escape(run.agent)}</td>"
            f"<td>{escape(run.tenant)}</td><td>{escape(run.status)}</td>"
            f"<td class=n>{run.silent_s} s</td>"
        )
        for run in runs
    ]
    heads = ("run", "agent", "tenant", "status", "silent for")
    return f"<h2>{title} ({total})</h2>" + _table(heads, rows)


def _rows(window: str, found: tuple[Row, ...]) -> str:
    rows = []
    for row in found:
        if row.window == window:
            cells = [f"<td>{escape(row.by)}</td><td>{escape(row.subject)}</td>"]
            cells += [_number(row.totals.get(name)) for name, _ in _COLUMNS]
            cells += [
                _number(row.percentiles.get(name, {}).get("p95"), " ms") for name, _ in _LATENCIES
            ]
            rows.append("".join(cells))
    heads = ("by", "subject", *(head for _, head in (*_COLUMNS, *_LATENCIES)))
    return f"<h2>The last {escape(window)}</h2>" + _table(heads, rows)


def _number(value: float | None, unit: str = "") -> str:
    return "<td class=n></td>" if value is None else f"<td class=n>{value:,.4g}{unit}</td>"


def _table(heads: Iterable[str], rows: Iterable[str]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f"<table><tr>{head}</tr>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"
