"""``audit verify``: verdicts on the screen, the first faults in full."""

from __future__ import annotations

from runfold.surfaces.audit.journal import verify
from runfold.surfaces.audit.verifier import Verdict
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.faults import CliError

_SHOWN = 20


def show_audit(context: Context, run_id: str | None, *, json: bool) -> int:
    """Print what is found of one run or of all, and return whether all is sound."""
    verdicts = list(verify(context.reader, run_id))
    if run_id is not None and not verdicts:
        raise CliError(f"Run {run_id} has no events on the journal.", exits.NOT_FOUND)
    unsound = [verdict for verdict in verdicts if verdict.faults]
    if json:
        output.as_json(_as_row(verdicts))
    else:
        _print(verdicts, unsound)
    return exits.NO if unsound else exits.OK


def _print(verdicts: list[Verdict], unsound: list[Verdict]) -> None:
    console = output.console()
    events = sum(verdict.events for verdict in verdicts)
    decisions = sum(verdict.decisions for verdict in verdicts)
    ended = sum(verdict.ended for verdict in verdicts)
    console.print(f"runs       {len(verdicts)}, {ended} of them ended")
    console.print(f"events     {events}, in sequence and chained by sha256")
    console.print(f"decisions  {decisions} made again from what the journal records")
    for verdict in unsound:
        console.print(f"run {verdict.run_id}", style="bold red")
        for fault in verdict.faults[:_SHOWN]:
            console.print(f"  {fault.kind:<10} {fault.reason}", markup=False)
        if len(verdict.faults) > _SHOWN:
            console.print(f"  and {len(verdict.faults) - _SHOWN} more")
    if unsound:
        console.print(f"{len(unsound)} runs are not sound.", style="bold red")
    else:
        console.print(
            "Sound: no gap, no broken chain, no tool started without a permit, one end a run, "
            "every decision the same.",
            style="bold green",
        )


def _as_row(verdicts: list[Verdict]) -> dict[str, object]:
    return {
        "sound": not any(verdict.faults for verdict in verdicts),
        "runs": len(verdicts),
        "ended": sum(verdict.ended for verdict in verdicts),
        "events": sum(verdict.events for verdict in verdicts),
        "decisions": sum(verdict.decisions for verdict in verdicts),
        "faults": [
            {"run_id": verdict.run_id, "seq": f.seq, "kind": f.kind, "reason": f.reason}
            for verdict in verdicts
            for f in verdict.faults
        ],
    }
