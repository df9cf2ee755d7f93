"""``status RUN`` and ``show RUN --at SEQ``: where a run stands or stood, folded from the log."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from runfold.events.run import Event
from runfold.projections.rendering.readable import readable
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.faults import CliError
from runfold.surfaces.cli.names import run_id_of
from runfold.surfaces.cli.watching import exit_code
from runfold.surfaces.cli.words import model_name, money, result, said
from runfold.surfaces.run_summary import RunSummary, picture


def show_standing(context: Context, typed: str, *, json: bool, at: int | None = None) -> int:
    """Print where a run stands, or stood after event ``at``, and return its exit code."""
    run_id = run_id_of(context, typed)
    found = picture(_events(context, run_id, at))
    if found is None:
        raise CliError(
            f"Run {run_id} has no events: check the id, or whether the run processor runs "
            "(`runfold status`).",
            exits.NOT_FOUND,
        )
    if json:
        output.as_json(as_row(found))
    else:
        _print(found)
    return exit_code(found.last)


def _events(context: Context, run_id: str, at: int | None) -> Iterator[Event]:
    events = context.client("", "").events(run_id)
    return events if at is None else takewhile(lambda event: event.meta.seq <= at, events)


def as_row(found: RunSummary) -> dict[str, Any]:
    """Return a picture as JSON shows it."""
    return {
        "run_id": found.run_id,
        "tenant_id": found.tenant_id,
        "user_id": found.user_id,
        "agent": found.agent,
        "model": found.model,
        "status": found.status.value,
        "seq": found.seq,
        "created_at": found.began,
        "updated_at": found.latest,
        "cost_usd": str(found.cost),
        "unpriced_calls": found.unpriced,
        "last_event": found.last.type,
        "last_action": said(found.action.fact),
        "waits_for": [
            {"kind": w.kind, "call_id": w.call_id, "tool": w.tool, "question": w.question}
            for w in found.waits
        ],
        "requires_approval": any(wait.kind == "approval" for wait in found.waits),
        "exit": json_text.loads(readable(found.exit)) if found.exit else None,
    }


def _print(found: RunSummary) -> None:
    lines: list[tuple[str, object]] = [
        ("run", found.run_id),
        ("agent", found.agent),
        ("model", model_name(found.model) if found.model else "-"),
        ("for", f"{found.user_id} of {found.tenant_id}"),
        ("status", f"{found.status.value} after event {found.seq}"),
        ("elapsed", f"{(found.latest - found.began).total_seconds():.2f} s"),
        ("cost", _cost(found)),
        ("last", said(found.action.fact)),
    ]
    lines += [
        ("waits for", _waiting(wait.kind, wait.call_id, wait.question)) for wait in found.waits
    ]
    if found.exit is not None:
        lines.append(("exit", f"{found.exit.status.value}, code {found.exit.exit_code}"))
        lines.append(("result", result(found.exit.payload, 500)))
    console = output.console()
    for name, value in lines:
        console.print(f"{name:<10} {value}", markup=False)


def _cost(found: RunSummary) -> str:
    more = f" and {found.unpriced} calls without a known price" if found.unpriced else ""
    return f"{money(found.cost)}{more}"


def _waiting(kind: str, call_id: str, question: str) -> str:
    call = output.short(call_id)
    how = {
        "approval": f"runfold approve {call}, or runfold deny {call} --reason …",
        "question": f"runfold answer {call} …",
        "uncertain": f"runfold resolve {call} --happened or --did-not-happen",
    }
    return f"{question}  ({how[kind]})"
