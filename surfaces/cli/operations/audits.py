"""``audit verify``: what is found on the screen, the first faults in full."""

from __future__ import annotations

from itertools import groupby

from runfold.surfaces.application.operations.audit import audit
from runfold.surfaces.application.shapes import AuditReport
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context

_SHOWN = 20


def show_audit(context: Context, run_id: str | None, jobs: int, *, json: bool) -> int:
    """Print what is found of one run or of all, and return whether all is sound."""
    with output.progress("offsets read") as told, output.waiting("the journal to be read"):
        report = audit(context.reader, run_id, context.source, jobs, told)
    if json:
        output.as_json(report)
    else:
        _print(report)
    return exits.OK if report.sound else exits.NO


def _print(report: AuditReport) -> None:
    console = output.console()
    probes = f", {report.probes} Runfold's own probes" if report.probes else ""
    console.print(f"runs       {report.runs}, {report.ended} of them ended{probes}")
    chained = ", in sequence and chained by sha256" if report.sound else " read"
    console.print(f"events     {report.events}{chained}")
    console.print(f"decisions  {report.decisions} made again from what the journal records")
    unsound = 0
    for run_id, found in groupby(report.faults, key=lambda fault: fault.run_id):
        faults, unsound = list(found), unsound + 1
        console.print(f"run {run_id}", style="bold red")
        for fault in faults[:_SHOWN]:
            console.print(f"  {fault.kind:<10} {fault.reason}", markup=False)
        if len(faults) > _SHOWN:
            console.print(f"  and {len(faults) - _SHOWN} more")
    if unsound:
        console.print(f"{unsound} runs are not sound.", style="bold red")
    else:
        console.print(
            "Sound: no gap, no broken chain, no tool started without a permit, one end a run, "
            "every decision the same.",
            style="bold green",
        )
