"""Answer in the model's or in a tool's place, and hand the run back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from runfold.surfaces.cli import exits, options
from runfold.surfaces.cli.commands.running.runs import span_of
from runfold.surfaces.cli.context import of
from runfold.surfaces.cli.faults import CliError
from runfold.surfaces.cli.runs.speaking import Speaking, steers
from runfold.surfaces.cli.runs.steering import json_content_of, on_call, on_run

if TYPE_CHECKING:
    from runfold.producers.client import RunClient


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (takeover, reply, result, handback):
        app.command()(command)


@steers
def takeover(
    ctx: typer.Context,
    run: options.Run,
    reason: options.Reason = "",
    hold: Annotated[
        str, typer.Option("--for", help="It goes back when nothing was done for so long: 30m, 4h.")
    ] = "1h",
    *,
    speaks: Speaking,
) -> None:
    """Take a run over: you answer in its model's place until you hand it back."""
    from datetime import timedelta

    hold_ms = span_of(hold) // timedelta(milliseconds=1)
    on_run(
        of(ctx),
        run,
        lambda c, r: c.take_over(r, reason, hold_ms),
        speaks,
    )


@steers
def reply(
    ctx: typer.Context,
    run: options.Run,
    text: Annotated[str | None, typer.Option("--text", help="What you say.")] = None,
    call: Annotated[
        list[str] | None, typer.Option("--call", metavar="TOOL", help="A tool to call; repeatable.")
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Option("--arguments", metavar="JSON", help="Those of each --call, in their order."),
    ] = None,
    *,
    speaks: Speaking,
) -> None:
    """Answer in the model's place; complete_task and fail_task end the run."""
    names, given = call or [], arguments or []
    if len(given) > len(names):
        raise CliError("Each --arguments belongs to a --call.", exits.USAGE)
    given = [*given, *["{}"] * (len(names) - len(given))]
    proposed = [(name, json_content_of(each)) for name, each in zip(names, given, strict=True)]
    on_run(
        of(ctx),
        run,
        lambda c, r: c.reply(r, text, proposed),
        speaks,
    )


@steers
def result(
    ctx: typer.Context,
    call: options.Call,
    value: Annotated[str, typer.Argument(metavar="JSON", help="The result, as JSON.")],
    failed: Annotated[bool, typer.Option("--failed", help="It could not be done.")] = False,
    *,
    speaks: Speaking,
) -> None:
    """Answer an open call in its tool's place."""
    told = json_content_of(value)

    def send(client: RunClient, run_id: str, call_id: str) -> str:
        return client.give_result(run_id, call_id, told, failed=failed)

    on_call(of(ctx), call, send, speaks)


@steers
def handback(
    ctx: typer.Context,
    run: options.Run,
    reason: options.Reason = "",
    *,
    speaks: Speaking,
) -> None:
    """Let the model answer again; it reads what you did in its place."""
    on_run(
        of(ctx),
        run,
        lambda c, r: c.hand_back(r, reason),
        speaks,
    )
