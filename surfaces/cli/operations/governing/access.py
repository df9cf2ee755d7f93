"""``access review`` on the screen and as CSV."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from csv import writer
from datetime import UTC, datetime

from runfold.surfaces.application.governing.access.review import MOST_PAIRS, review
from runfold.surfaces.application.governing.access.terms import terms_of_agent
from runfold.surfaces.application.governing.access.usage import usage_of
from runfold.surfaces.application.governing.definitions import read_definitions
from runfold.surfaces.application.governing.policies.persons_asked import counted
from runfold.surfaces.application.shapes.access import AccessReview
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context

COLUMNS = (
    "section", "findings", "tenant", "who", "what", "level", "may", "approval", "by", "uses",
    "last_used", "why",
)  # fmt: skip

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def show_review(
    context: Context, since: datetime | None, tenant: str | None, *, csv: bool, json: bool
) -> int:
    """Print the review; return whether there is anything to look at."""
    now = datetime.now(UTC)
    known = read_definitions(context.reader)
    with context.views(tenant) as views:
        usage = usage_of(views, since or now)
    with output.progress("agents and tools") as told:
        found = review(known, usage, since=since or now, now=now, tenant=tenant, told=told)
    if json:
        output.as_json(found)
    elif csv:
        _as_csv(found)
    else:
        _as_tables(found)
    return exits.NO if found.findings or not found.complete else exits.OK


def show_terms(context: Context, agent: str, tenant: str | None, *, json: bool) -> None:
    """Print what calls of an agent's tools ask for, and why."""
    found = terms_of_agent(read_definitions(context.reader), agent, tenant)
    if json:
        output.as_json(found)
        return
    rows = [
        (
            f"{each.tool}@{each.version}",
            f"{each.level} {each.level_name}",
            counted(each.persons_least, each.persons),
            "first" if each.dry_run else "no",
            each.claim,
            each.permit,
            "; ".join(each.why),
        )
        for each in found
    ]
    columns = ("tool", "level", "approval", "dry run", "claim", "permit", "why")
    output.table(columns, rows, "The agent has no tools.")


def rows_of(found: AccessReview) -> Iterator[tuple[object, ...]]:
    """Yield every line of a review by COLUMNS, in the order of its sections."""
    for t in found.tools:
        which = f"{t.agent}@{t.version}"
        asks = "person" if t.approval else "none"
        yield (
            "tool", _said(t.findings), t.tenant, which, t.tool, t.level, t.answer, asks,
            _said(t.policies), t.calls, t.last_used, t.reason,
        )  # fmt: skip
    for s in found.starts:
        yield (
            "start", _said(s.findings), s.tenant, s.user, s.agent, None, s.answer, None,
            _said(s.policies), s.runs, s.last_run, None,
        )  # fmt: skip
    for a in found.agents:
        which = f"{a.agent}@{a.version}"
        yield (
            "agent", _said(a.findings), a.tenant, which, f"{a.tools} tools", None, None, None,
            None, a.runs, a.last_run, None,
        )  # fmt: skip
    for r in found.rules:
        actions = _said(r.actions) or "every action"
        yield (
            "rule", _said(r.findings), r.tenant, r.rule, actions, None, r.effect, None, r.policy,
            r.decisions, r.last_used, None,
        )  # fmt: skip
    for w in found.switches:
        yield (
            "switch", _said(w.findings), w.tenant or "all", w.thrown_by, f"{w.kind}/{w.name}",
            None, "no", None, None, None, w.thrown_at, w.reason,
        )  # fmt: skip


def _as_csv(found: AccessReview) -> None:
    lines = writer(sys.stdout)
    lines.writerow(COLUMNS)
    for row in rows_of(found):
        lines.writerow([_plain(value) for value in row])


def _plain(value: object) -> str:
    """Return a value as text that no spreadsheet takes for a formula."""
    if isinstance(value, datetime):
        return value.isoformat()
    said = "" if value is None else str(value)
    return f"'{said}" if said.startswith(_FORMULA) else said


def _as_tables(found: AccessReview) -> None:
    said = output.console()
    said.print(
        f"Since {found.since:%Y-%m-%d}, definitions at {found.definitions}: "
        f"{len(found.tools)} grants, {found.findings} findings.",
        markup=False,
    )
    output.table(COLUMNS, rows_of(found), "Nothing is published.")
    if not found.complete:
        line = f"There are more than {MOST_PAIRS:,} pairs of agents and tools: review by --tenant."
        said.print(line, style="bold red", markup=False)


def _said(names: tuple[str, ...]) -> str:
    return " ".join(names)
