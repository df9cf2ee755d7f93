"""Manifests and other products: what they wrote, read; what is published, written for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runfold.surfaces.cli import exits, options, output
from runfold.surfaces.cli.context import of
from runfold.surfaces.cli.faults import CliError


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("import")(import_)
    app.command("export")(export)


def import_(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Write a file an agent; else print them."),
    ] = None,
    accept_remarks: Annotated[
        bool,
        typer.Option("--accept-remarks", help="Go on although something that protects is lost."),
    ] = False,
) -> None:
    """Make manifests of agents of CrewAI, Agent Spec, cagent, and of AGENTS.md; run nothing."""
    from runfold.surfaces.manifests.others.importing import imported

    found = imported(paths, accept_remarks=accept_remarks)
    said = output.console(stderr=True)
    for remark in found.remarks:
        word, style = ("LOST", "bold red") if remark.consent else ("note", "yellow")
        said.print(f"{word:<10} {remark}", style=style, markup=False)
    for name, text in found.manifests.items():
        if out is None:
            typer.echo(f"---\n{text}", nl=False)
        else:
            _write(out / name, text)
            said.print(f"written    {out / name}", style="green", markup=False)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        sentence = f"{file} is there already: nothing is overwritten; name another --out."
        raise CliError(sentence, exits.BAD_INPUT) from None


def export(
    ctx: typer.Context,
    agent: Annotated[str, typer.Argument(help="clerk, or clerk@1.0.0.")],
    to: Annotated[str, typer.Option("--to", help="The form: ossa.")] = "ossa",
    tenant: options.Narrow = None,
) -> None:
    """Print a published agent as a manifest that declares the same definition."""
    from runfold.events.definitions import AgentDefinition
    from runfold.surfaces.application.governing.definitions import (
        read_definitions,
        show_definition,
    )
    from runfold.surfaces.manifests.exporting import as_ossa

    if to != "ossa":
        raise CliError(f"{to} is no form that is written: say --to ossa.", exits.USAGE)
    found = show_definition(read_definitions(of(ctx).reader), f"agent/{agent}", tenant)
    typer.echo(as_ossa(AgentDefinition.model_validate(found.body)), nl=False)
