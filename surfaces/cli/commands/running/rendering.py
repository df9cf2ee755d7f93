"""Runs as a channel shows them, and runs handed from one channel to another."""

from __future__ import annotations

from typing import Annotated

import typer

from runfold.surfaces.cli import options
from runfold.surfaces.cli.context import of

Profile = Annotated[
    str | None, typer.Option("--profile", help="A response profile: NAME or NAME@VERSION.")
]
_CHANNEL = "Such as web, mobile, voice, slack, teams, email, desktop, api, cli."


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(render)
    app.command()(handoff)


def render(
    ctx: typer.Context,
    run: options.Run,
    channel: Annotated[str, typer.Option(help=_CHANNEL)] = "cli",
    profile: Profile = None,
    seen: Annotated[
        int | None, typer.Option(min=0, help="The last event that the person was shown.")
    ] = None,
    tenant: options.Narrow = None,
    json: options.Json = False,
) -> None:
    """Show a run as a channel shows it."""
    _show(ctx, run, channel, profile, seen, tenant, json=json, what="render")


def handoff(
    ctx: typer.Context,
    run: options.Run,
    to: Annotated[str, typer.Option("--to", help=f"The channel to go on at. {_CHANNEL}")],
    seen: Annotated[
        int | None,
        typer.Option(min=0, help="The last event shown before; everything unless said."),
    ] = None,
    profile: Profile = None,
    tenant: options.Narrow = None,
    json: options.Json = False,
) -> None:
    """Go on with a run on another channel, from what was already said."""
    _show(ctx, run, to, profile, seen, tenant, json=json, what="handoff")


def _show(
    ctx: typer.Context,
    run: str,
    channel: str,
    profile: str | None,
    seen: int | None,
    tenant: str | None,
    *,
    json: bool,
    what: str,
) -> None:
    from runfold.surfaces.cli.names import run_id_of
    from runfold.surfaces.cli.runs.rendering import show_rendering

    context = of(ctx)
    run_id = run_id_of(context, run, tenant)
    context.reads_now(what, tenant, run_id)
    everything = what == "handoff" and seen is None
    show_rendering(
        context, run_id, channel, profile, seen, tenant, everything=everything, json=json
    )
