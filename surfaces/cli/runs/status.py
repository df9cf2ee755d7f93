"""``status RUN``: where a run stands, on the screen."""

from __future__ import annotations

from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.application.runs.runs import Runs
from runfold.surfaces.application.shapes import Completion, RunDetail, Wait
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.runs.asking import command_for
from runfold.surfaces.words import model_name, money, shortened


def show_status(runs: Runs, run_id: str, *, json: bool) -> int:
    """Print where a run stands, and return its exit code."""
    found = runs.status(run_id)
    if json:
        output.as_json(found)
    else:
        _print(found)
    return found.exit.exit_code if found.exit else exits.TRY_AGAIN


def _print(found: RunDetail) -> None:
    version = f" {found.agent_version}" if found.agent_version else ""
    lines: list[tuple[str, object]] = [
        ("run", found.run_id),
        ("agent", f"{found.agent}{version}"),
        ("model", model_name(found.model) if found.model else "-"),
        ("for", f"{found.user_id} of {found.tenant_id}"),
        *_asked_with(found),
        ("status", f"{found.status.value} after event {found.seq}"),
        ("elapsed", f"{(found.updated_at - found.created_at).total_seconds():.2f} s"),
        ("cost", _cost(found)),
        ("last", found.last_action),
    ]
    if found.next_action is not None:
        lines.append(("next", found.next_action))
    if found.held_by is not None and found.held_until is not None:
        until = output.moment(found.held_until)
        lines.append(("held by", f"{found.held_by} until {until}  (runfold reply, or handback)"))
    lines += [("waits for", _waiting(wait)) for wait in found.waits_for]
    if found.exit is not None:
        lines.append(("exit", f"{found.exit.status}, code {found.exit.exit_code}"))
        lines.append(("result", _result(found.exit)))
    console = output.console()
    for name, value in lines:
        console.print(f"{name:<10} {value}", markup=False)


def _asked_with(found: RunDetail) -> list[tuple[str, object]]:
    """Return the request of a surface that a run was asked for with, where it was with one."""
    who = found.identity
    if who is None or who.request_id is None:
        return []
    return [("request", f"{who.request_id} with {who.credential}, trace {who.trace_id}")]


def _cost(found: RunDetail) -> str:
    more = f"{found.unpriced_calls} calls without a known price" if found.unpriced_calls else ""
    paid = "" if found.cost_usd is None else money(found.cost_usd)
    return " and ".join(part for part in (paid, more) if part)


def _result(exit_: Completion) -> str:
    payload = exit_.payload
    if isinstance(payload, dict):
        for name in ("summary", "summary_markdown", "message"):
            if isinstance(payload.get(name), str) and payload[name].strip():
                return shortened(payload[name], 500)
    return shortened(payload if isinstance(payload, str) else to_json(payload), 500)


def _waiting(wait: Wait) -> str:
    return f"{wait.question}  ({command_for(wait.kind, wait.call_id)})"
