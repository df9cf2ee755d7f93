"""Definitions: publish agents, tools and model scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runfold.surfaces.cli import exits, options, output
from runfold.surfaces.cli.context import of

if TYPE_CHECKING:
    from runfold.processors.definitions.publisher import Report
    from runfold.surfaces.manifests import Remark


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(apply)


def apply(
    ctx: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Option("--file", "-f", metavar="PATH", help="A manifest, or a folder of them."),
    ],
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", help="Publish for this tenant only; for all without."),
    ] = None,
    accept_remarks: Annotated[
        bool,
        typer.Option(
            "--accept-remarks",
            help="Publish although something that was to protect is not honoured.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be published; publish nothing.")
    ] = False,
    user: options.User = "me",
    json: options.Json = False,
) -> None:
    """Check manifests and publish what they declare, each version once; it never changes."""
    from runfold.surfaces.cli.publishing import apply_manifests

    with output.waiting("the definition store"):
        report, remarks = apply_manifests(
            of(ctx), paths, user, tenant, accept_remarks=accept_remarks, dry_run=dry_run
        )
    if json:
        output.as_json({**_as_row(report, remarks), "dry_run": dry_run})
    else:
        show_report(report, remarks, would="would be " if dry_run else "")
    raise typer.Exit(exits.BAD_INPUT if report.refused else exits.OK)


def show_report(report: Report, remarks: tuple[Remark, ...], would: str = "") -> None:
    """Print what was published, or ``would`` be, what was not, and what its author should know."""
    from runfold.surfaces.application.governing.definitions import shown_key

    said = output.console()
    for remark in remarks:
        word, style = ("ACCEPTED", "bold red") if remark.consent else ("note", "yellow")
        said.print(f"{word:<10} {remark}", style=style, markup=False)
    for key in report.published:
        said.print(f"{would}published  {shown_key(key)}", style="green", markup=False)
    for key in report.other_code:
        sentence = "it does not pin the code that is here; a new version would"
        said.print(f"note       {shown_key(key)}: {sentence}", style="yellow", markup=False)
    for key in report.unchanged:
        said.print(f"unchanged  {shown_key(key)}", style="dim", markup=False)
    for key in report.held:
        said.print(f"held back  {shown_key(key)}", style="yellow", markup=False)
    for refusal in report.refused:
        line = f"refused    {shown_key(refusal.key)}: {refusal.reason}"
        said.print(line, style="bold red", markup=False)


def _as_row(report: Report, remarks: tuple[Remark, ...]) -> dict[str, object]:
    from runfold.surfaces.application.governing.definitions import shown_key

    return {
        "published": [shown_key(key) for key in report.published],
        "unchanged": [shown_key(key) for key in report.unchanged],
        "held": [shown_key(key) for key in report.held],
        "other_code": [shown_key(key) for key in report.other_code],
        "refused": [{"key": shown_key(each.key), "reason": each.reason} for each in report.refused],
        "notes": [str(remark) for remark in remarks],
        "accepted": [str(remark) for remark in remarks if remark.consent],
    }
