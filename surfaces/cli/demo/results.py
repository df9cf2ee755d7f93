"""What the demo shows at the end: the report, the exit record, three SQL queries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text

from runfold.events.run import Event
from runfold.events.wording import plain_json
from runfold.projections.queries import TenantViews, wait_for
from runfold.surfaces.application.rendering import completion_of, to_json
from runfold.surfaces.cli import output
from runfold.surfaces.cli.context import Context

RUN = """\
SELECT status, exit_status, exit_code, model_calls, tool_calls, latency_ms
FROM runs WHERE run_id = :run_id"""

COST = """\
SELECT user_id, model, count(*) AS calls, sum(input_tokens) AS tokens_in,
       sum(output_tokens) AS tokens_out, sum(cost_usd) AS cost_usd
FROM costs WHERE run_id = :run_id GROUP BY user_id, model"""

AUDIT = """\
SELECT events, chain_ok, permits, forbids, starts,
       (SELECT count(*) FROM tool_calls_started_without_permit AS t
        WHERE t.run_id = audit.run_id) AS started_without_permit
FROM audit WHERE run_id = :run_id"""

QUERIES: dict[str, str] = {
    "How did the run go?": RUN,
    "What did it cost, and whom?": COST,
    "Is its history whole, and was every tool call permitted?": AUDIT,
}
"""Questions and the SQL that answers each; ``:run_id`` is the run."""


def show_report(last: Event, workspace: Path) -> None:
    """Print the reports that the run's payload names, or its summary where it names none."""
    from rich.markdown import Markdown

    console = output.console()
    payload = _payload(last)
    shown = False
    for name in payload.get("artifacts") or ():
        place = (workspace / str(name)).resolve()
        if place.is_relative_to(workspace.resolve()) and place.is_file():
            console.print(Markdown(place.read_text(errors="replace"), hyperlinks=False))
            console.print(f"(in {place})", style="dim", markup=False)
            shown = True
    if not shown:
        error = payload.get("error") or {}
        said = payload.get("summary") or payload.get("reason") or error.get("message")
        console.print(str(said or "The run wrote no report."), markup=False)


def show_exit(last: Event) -> None:
    """Print the run's completion signal, as an orchestrator gets it."""
    from rich.highlighter import JSONHighlighter

    exit_ = getattr(last.fact, "exit", None)
    if exit_ is None:
        return
    # rich's own printing of JSON would round the amounts.
    shown = msgspec.json.format(to_json(completion_of(exit_)))
    output.console().print(JSONHighlighter()(shown))


def show_queries(context: Context, last: Event) -> None:
    """Ask the views, once they have caught up with the run's last event."""
    with context.engine.connect() as connection:
        views = TenantViews(connection, last.meta.tenant_id)
        wait_for(views, last.meta.run_id, last.meta.seq)
        for question, query in QUERIES.items():
            found = connection.execute(text(query), {"run_id": last.meta.run_id})
            columns = tuple(found.keys())
            rows = [tuple(row) for row in found]
            console = output.console()
            console.print(f"\n{question}", style="bold")
            console.print(
                query.replace(":run_id", f"'{last.meta.run_id}'"), style="cyan", markup=False
            )
            output.table(columns, rows, "no rows")


def _payload(last: Event) -> dict[str, Any]:
    exit_ = getattr(last.fact, "exit", None)
    if exit_ is None or exit_.payload.inline is None:
        return {}
    found = plain_json(json.loads(exit_.payload.inline))
    return found if isinstance(found, dict) else {}
