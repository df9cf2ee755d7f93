"""``render`` and ``handoff``: what a channel shows of a run, on the screen."""

from __future__ import annotations

import json as json_module

import typer

from runfold.surfaces.application import shapes
from runfold.surfaces.application.governing.definitions import read_definitions
from runfold.surfaces.channels.rendering import known_channel, profile_for, rendered
from runfold.surfaces.channels.viewing import look
from runfold.surfaces.cli import output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.visible import visible


def show_rendering(
    context: Context,
    run_id: str,
    channel: str,
    profile: str | None,
    seen: int | None,
    tenant: str | None,
    *,
    everything: bool,
    json: bool,
) -> None:
    """Print a run as a channel shows it; with ``everything`` all of it was seen before.

    Raises NotFoundError and InvalidError for what is not there.
    """
    name = known_channel(channel)
    runs = context.runs(tenant)
    picture = look(runs.client, runs.scope, run_id)
    shown_before = picture.detail.seq if everything else seen
    known = read_definitions(context.reader)
    chosen = profile_for(known, picture.detail.tenant_id, name, profile, picture)
    made = rendered(picture, name, chosen, seen=shown_before)
    if not json:
        typer.echo(visible(made.body.replace("\r\n", "\n")).rstrip("\n"))
        return
    structured = made.media_type == "application/json"
    output.as_json(
        shapes.Rendering(
            run_id=run_id,
            channel=name,
            media_type=made.media_type,
            body=json_module.loads(made.body) if structured else made.body,
            seq=picture.detail.seq,
            seen=shown_before,
        )
    )
