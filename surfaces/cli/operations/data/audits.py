"""``audit verify``: what is found on the screen, the first faults in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from runfold.events.topics import REGISTRY
from runfold.surfaces.application.operations.audit import audit
from runfold.surfaces.application.shapes import AuditReport
from runfold.surfaces.audit.verifier import NEWER_KIND
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context

_SHOWN = 20


def show_audit(context: Context, run_id: str | None, jobs: int, *, json: bool) -> int:
    """Print what is found of one run or of all, and return whether all is sound."""
    with output.progress("offsets read") as told, output.waiting("the journal to be read"):
        report = audit(context.judge, run_id, context.source, jobs, told)
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
    if report.tenants:
        console.print(f"tenants    {report.tenants}, each by its own journal")
    unsound, newer = {"runs": 0, "tenants": 0, "records of the store": 0}, list[str]()
    for name, found in groupby(report.faults, key=lambda fault: fault.run_id):
        faults, of_tenant = list(found), name.startswith("tenant ")
        if all(fault.kind == NEWER_KIND for fault in faults):
            newer.append(name)
            continue
        if name == REGISTRY:
            unsound["records of the store"] += len(faults)
        else:
            unsound["tenants" if of_tenant else "runs"] += 1
        said = name if of_tenant or name == REGISTRY else f"run {name}"
        console.print(said, style="bold red", markup=False)
        for fault in faults[:_SHOWN]:
            console.print(f"  {fault.kind:<10} {fault.reason}", markup=False)
        if len(faults) > _SHOWN:
            console.print(f"  and {len(faults) - _SHOWN} more")
    if newer:
        console.print(
            f"{len(newer)} runs are of a newer release, such as {newer[0]}: audit them with that "
            "release. Their chains were followed, their decisions were not made again.",
            style="yellow",
        )
    _print_shut(report)
    _conclude(unsound, newer)


def _conclude(unsound: Mapping[str, int], newer: Sequence[str]) -> None:
    console = output.console()
    for kind, count in unsound.items():
        if count:
            console.print(f"{count} {kind} are not sound.", style="bold red")
    if any(unsound.values()):
        return
    if newer:
        console.print("All others are sound.")
    else:
        console.print(
            "Sound: no gap, no broken chain, no tool started without a permit, one end a run, "
            "every decision the same.",
            style="bold green",
        )


def _print_shut(report: AuditReport) -> None:
    console = output.console()
    if report.erased:
        console.print(
            f"{report.erased} runs were erased: their chains were followed, their contents cannot "
            "be read, and their decisions cannot be made again."
        )
    if report.unreadable:
        console.print(
            f"{report.unreadable} runs are sealed by a key that is not here: their chains were "
            "followed, their decisions were not made again. See RUNFOLD_KEYS.",
            style="yellow",
        )
