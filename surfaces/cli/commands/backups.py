"""Back-ups: making one, and restoring it into an empty place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runfold.surfaces.cli.context import of


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(backup)
    app.command()(restore)


def backup(
    ctx: typer.Context,
    target: Annotated[Path, typer.Argument(help="A folder that is empty, or will be made.")],
) -> None:
    """Copy what cannot be made again into a folder: topics, claims, artifacts; lanes may go on."""
    from runfold.surfaces.cli.operations.data.backing_up import show_backup

    of(ctx).reads_now("backup", None)
    raise typer.Exit(show_backup(of(ctx), target))


def restore(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(help="A folder that `runfold backup` made.")],
) -> None:
    """Restore a back-up into an empty home, or an empty cluster and database where nothing runs."""
    from runfold.surfaces.cli.operations.data.backing_up import show_restore

    raise typer.Exit(show_restore(of(ctx), source))
