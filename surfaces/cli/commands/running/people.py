"""What people do to a live run; each command waits until the journal shows the effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from runfold.surfaces.cli import exits, options
from runfold.surfaces.cli.context import of
from runfold.surfaces.cli.faults import CliError
from runfold.surfaces.cli.runs.speaking import Speaking, steers
from runfold.surfaces.cli.runs.steering import json_content_of, on_call, on_run

if TYPE_CHECKING:
    from runfold.producers.client import RunClient

Behalf = Annotated[
    str | None,
    typer.Option(
        "--on-behalf-of", metavar="PERSON", help="For whom, who is absent and delegated to you."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (
        approvals, approve, deny, answer, resolve, pause, resume, cancel, tell, instruct,
    ):  # fmt: skip
        app.command()(command)


def approvals(
    ctx: typer.Context,
    run: Annotated[str | None, typer.Option("--run", help="Only of this run.")] = None,
    tenant: options.Narrow = None,
    json: options.Json = False,
) -> None:
    """List what waits for a person."""
    from runfold.surfaces.application.runs.reading.inbox import approvals as waiting
    from runfold.surfaces.cli.names import run_id_of
    from runfold.surfaces.cli.runs.approvals import show_approvals

    context = of(ctx)
    run_id = run_id_of(context, run, tenant) if run else None
    context.reads_now("approvals", tenant, run_id or "")
    with context.views(tenant) as views:
        found = waiting(views, run_id)
    show_approvals(found, json=json)


@steers
def approve(
    ctx: typer.Context,
    call: options.Call,
    reason: options.Reason = "",
    arguments: Annotated[
        str | None, typer.Option(help="JSON to put in place of the proposed arguments.")
    ] = None,
    holds_for: Annotated[
        str, typer.Option("--for", help="For what it holds: once, run, tool or pattern.")
    ] = "once",
    where: Annotated[
        list[str] | None,
        typer.Option(help="A bound of a pattern, such as '/amount<=100'; may be given again."),
    ] = None,
    times: Annotated[
        int | None, typer.Option(help="For how many calls, this one among them; 10 unless said.")
    ] = None,
    digest: options.Shown = None,
    behalf: Behalf = None,
    *,
    speaks: Speaking,
) -> None:
    """Let a proposed tool call run, with edited arguments where given."""
    from runfold.producers.client.deciding import holds_of

    edited = None if arguments is None else json_content_of(arguments)
    holds = holds_of(holds_for, where or (), times)

    def send(client: RunClient, run_id: str, call_id: str) -> str:
        return client.approve(
            run_id,
            call_id,
            edited,
            reason or None,
            shown=digest,
            holds=holds,
            on_behalf_of=behalf,
        )

    on_call(of(ctx), call, send, speaks)


@steers
def deny(
    ctx: typer.Context,
    call: options.Call,
    reason: options.Reason = "a person said no",
    digest: options.Shown = None,
    behalf: Behalf = None,
    *,
    speaks: Speaking,
) -> None:
    """Refuse a proposed tool call; the model is told the reason."""

    def send(client: RunClient, run_id: str, call_id: str) -> str:
        return client.deny(run_id, call_id, reason, shown=digest, on_behalf_of=behalf)

    on_call(of(ctx), call, send, speaks)


@steers
def answer(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(help="The question's id: RUN.N.")],
    text: Annotated[str, typer.Argument(help="The answer.")],
    digest: options.Shown = None,
    behalf: Behalf = None,
    *,
    speaks: Speaking,
) -> None:
    """Answer what the agent asked."""

    def send(client: RunClient, run_id: str, call_id: str) -> str:
        return client.answer(run_id, call_id, text, shown=digest, on_behalf_of=behalf)

    on_call(of(ctx), question, send, speaks)


@steers
def resolve(
    ctx: typer.Context,
    call: options.Call,
    happened: Annotated[
        bool | None,
        typer.Option("--happened/--did-not-happen", help="What you found out about it."),
    ] = None,
    result: Annotated[str | None, typer.Option(help="Its result as JSON, if it happened.")] = None,
    reason: options.Reason = "",
    *,
    speaks: Speaking,
) -> None:
    """Record whether an uncertain call happened."""
    from runfold.events.records.commands import Resolution

    if happened is None:
        raise CliError("Say --happened or --did-not-happen.", exits.USAGE)
    how = Resolution.HAPPENED if happened else Resolution.DID_NOT_HAPPEN
    told = None if result is None else json_content_of(result)

    def send(client: RunClient, run_id: str, call_id: str) -> str:
        return client.resolve(run_id, call_id, how, told, reason or None)

    on_call(of(ctx), call, send, speaks)


@steers
def pause(
    ctx: typer.Context,
    run: options.Run,
    reason: options.Reason = "",
    *,
    speaks: Speaking,
) -> None:
    """Make no new call until resumed; calls in flight still return."""
    on_run(
        of(ctx),
        run,
        lambda c, r: c.pause(r, reason),
        speaks,
    )


@steers
def resume(
    ctx: typer.Context,
    run: options.Run,
    reason: options.Reason = "",
    *,
    speaks: Speaking,
) -> None:
    """Let a paused run go on."""
    on_run(
        of(ctx),
        run,
        lambda c, r: c.resume(r, reason),
        speaks,
    )


@steers
def cancel(
    ctx: typer.Context,
    run: options.Run,
    reason: options.Reason = "",
    *,
    speaks: Speaking,
) -> None:
    """End a run."""
    on_run(
        of(ctx),
        run,
        lambda c, r: c.cancel(r, reason),
        speaks,
    )


@steers
def tell(
    ctx: typer.Context,
    run: options.Run,
    text: Annotated[str, typer.Argument(help="What to say to it.")],
    *,
    speaks: Speaking,
) -> None:
    """Say something to a run; the model reads it at its next turn."""
    on_run(of(ctx), run, lambda c, r: c.tell(r, text), speaks)


@steers
def instruct(
    ctx: typer.Context,
    run: options.Run,
    text: Annotated[str, typer.Argument(help="The instructions from here on.")],
    *,
    speaks: Speaking,
) -> None:
    """Replace a run's instructions from here on."""
    on_run(
        of(ctx),
        run,
        lambda c, r: c.instruct(r, text),
        speaks,
    )
