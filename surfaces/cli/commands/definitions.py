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
    user: options.User = "me",
    json: options.Json = False,
) -> None:
    """Check manifests and publish what they declare, each version once; it never changes."""
    from runfold.surfaces.cli.publishing import apply_manifests

    report, remarks = apply_manifests(of(ctx), paths, user, tenant)
    if json:
        output.as_json(_as_row(report, remarks))
    else:
        show_report(report, remarks)
    raise typer.Exit(exits.BAD_INPUT if report.refused else exits.OK)


def show_report(report: Report, remarks: tuple[Remark, ...]) -> None:
    """Print what was published, what was not, and what its author should know."""
    said = output.console()
    for remark in remarks:
        said.print(f"note       {remark}", style="yellow", markup=False)
    for key in report.published:
        said.print(f"published  {key}", style="green", markup=False)
    for key in report.other_code:
        sentence = "it does not pin the code that is here; a new version would"
        said.print(f"note       {key}: {sentence}", style="yellow", markup=False)
    for key in report.unchanged:
        said.print(f"unchanged  {key}", style="dim", markup=False)
    for key in report.held:
        said.print(f"held back  {key}", style="yellow", markup=False)
    for refusal in report.refused:
        said.print(f"refused    {refusal.key}: {refusal.reason}", style="bold red", markup=False)


def _as_row(report: Report, remarks: tuple[Remark, ...]) -> dict[str, object]:
    return {
        "published": report.published,
        "unchanged": report.unchanged,
        "held": report.held,
        "other_code": report.other_code,
        "refused": [{"key": each.key, "reason": each.reason} for each in report.refused],
        "notes": [str(remark) for remark in remarks],
    }
