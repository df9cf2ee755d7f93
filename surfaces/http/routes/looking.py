"""What was called, what was spent, and whether a run's record is whole."""

from __future__ import annotations

import asyncio
import re

from starlette.responses import Response

from runfold.projections.queries import Views
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.operations.audit import audit
from runfold.surfaces.application.operations.costs import DIMENSIONS, budgets, costs, dimensions_of
from runfold.surfaces.application.operations.dead_letters import dead_letter, dead_letters
from runfold.surfaces.application.runs.reading.accepted import detail
from runfold.surfaces.application.runs.reading.calls import calls as calls_of
from runfold.surfaces.application.scope import TenantScope
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.http.route import Call, Parameter, Route, answered

_WORD = re.compile(r"[a-z]{1,20}")
_SINCE = Parameter("since", "Only from this moment on.", {"type": "string", "format": "date-time"})


async def calls(call: Call[None]) -> Response:
    """Show a run's calls of models and tools, as far as the views have them."""
    run_id, caller = call.path("run_id"), call.caller
    await call.gateway.note_read(caller, "GET /runs/{run_id}/calls", run_id)
    try:
        found = await call.gateway.ask(caller, lambda views: calls_of(views, run_id))
    except NotFoundError:
        # The views lag: a run that is there has called nothing that they know of.
        await _need_run(call, run_id)
        found = shapes.RunCalls(run_id=run_id, model_calls=(), tool_calls=())
    return answered(found)


async def audited(call: Call[None]) -> Response:
    """Read a run's record on its own: its chain, its permits, each decision made again."""
    run_id = call.path("run_id")
    await call.gateway.note_read(call.caller, "GET /runs/{run_id}/audit", run_id)
    await _need_run(call, run_id)
    return answered(await asyncio.to_thread(audit, call.gateway.reader, run_id))


async def spent(call: Call[None]) -> Response:
    """Sum up what was spent."""
    by = dimensions_of(_words(call.text("by") or "agent"))
    since = call.moment("since")

    def ask(views: Views) -> list[shapes.CostSum]:
        return costs(views, by, since)

    await call.gateway.note_read(call.caller, "GET /costs")
    found = await call.gateway.ask(call.caller, ask)
    return answered(shapes.CostReport(costs=tuple(found)))


async def budgeted(call: Call[None]) -> Response:
    """Show the runs that have a budget."""
    since = call.moment("since")
    await call.gateway.note_read(call.caller, "GET /budgets")
    found = await call.gateway.ask(call.caller, lambda views: budgets(views, since))
    return answered(shapes.BudgetList(budgets=tuple(found)))


async def buried(call: Call[None]) -> Response:
    """List inputs that could not be used."""
    await call.gateway.note_read(call.caller, "GET /dead-letters")
    found = await asyncio.to_thread(dead_letters, call.gateway.reader)
    return answered(shapes.DeadLetterList(dead_letters=tuple(found)))


async def letter(call: Call[None]) -> Response:
    """Show one with its bytes."""
    number = call.path("number")
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise Problem("not_found", "Dead letters have numbers, from 1 on.")
    await call.gateway.note_read(call.caller, f"GET /dead-letters/{number}")
    return answered(await asyncio.to_thread(dead_letter, call.gateway.reader, int(number)))


async def _need_run(call: Call[None], run_id: str) -> None:
    """Raise NotFoundError for a run that is not there, or not this tenant's."""
    scope = TenantScope(call.caller.tenant_id)
    await detail(call.gateway.client(call.caller), call.gateway.reader, scope, run_id)


def _words(text: str) -> list[str]:
    words = text.split(",")
    if len(words) > len(DIMENSIONS) or not all(_WORD.fullmatch(word) for word in words):
        raise Problem("malformed", f"Name some of {', '.join(DIMENSIONS)}, with commas between.")
    return words


ROUTES = (
    Route(
        "GET", "/runs/{run_id}/calls", "list_calls", "See what a run has called",
        identity.READ, calls, {200: shapes.RunCalls}, problems=("not_found", "unavailable"),
    ),
    Route(
        "GET", "/runs/{run_id}/audit", "audit_run", "Verify a run's record",
        identity.AUDIT, audited, {200: shapes.AuditReport}, problems=("not_found", "unavailable"),
    ),
    Route(
        "GET", "/costs", "sum_costs", "Sum up what was spent", identity.COSTS, spent,
        {200: shapes.CostReport}, None,
        (
            Parameter("by", f"What to sum by: some of {', '.join(DIMENSIONS)}, commas between."),
            _SINCE,
        ),
        ("malformed", "invalid", "unavailable"),
    ),
    Route(
        "GET", "/budgets", "list_budgets", "See which runs have a budget", identity.COSTS, budgeted,
        {200: shapes.BudgetList}, None, (_SINCE,), ("malformed", "unavailable"),
    ),
    Route(
        "GET", "/dead-letters", "list_dead_letters", "See what could not be used",
        identity.OPERATOR, buried, {200: shapes.DeadLetterList}, problems=("unavailable",),
    ),
    Route(
        "GET", "/dead-letters/{number}", "get_dead_letter", "See one with its bytes",
        identity.OPERATOR, letter, {200: shapes.DeadLetterDetail},
        problems=("not_found", "unavailable"),
    ),
)  # fmt: skip
