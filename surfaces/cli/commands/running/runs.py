"""Runs: start one, list them, watch one, look at one as it was."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from runfold.surfaces.cli import exits, options, output
from runfold.surfaces.cli.context import Context, of
from runfold.surfaces.cli.faults import CliError


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(run)
    app.command("runs")(list_runs)
    app.command()(logs)
    app.command()(show)


def run(
    ctx: typer.Context,
    goal: Annotated[str, typer.Argument(help="What the run is to achieve.")],
    agent: Annotated[str, typer.Option(help="The agent, as NAME or NAME@VERSION.")] = "hello",
    files: Annotated[
        list[Path] | None,
        typer.Option(
            "--file", help="A file for the run: its tools find it, its model is shown it."
        ),
    ] = None,
    untrusted: Annotated[
        list[Path] | None,
        typer.Option(
            "--untrusted-file", help="The same, of a file that strangers wrote: the run is tainted."
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Watch it to its end.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show every event.")] = False,
    tenant: options.Tenant = "default",
    user: options.User = "me",
    feature: Annotated[str | None, typer.Option(help="What its cost belongs to.")] = None,
    profile: Annotated[
        str | None, typer.Option(help="How it answers: a response profile, or a channel.")
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(min=0, help="The most it may cost, in $.")
    ] = None,
    max_model_calls: Annotated[
        int | None, typer.Option(min=0, help="The most model calls.")
    ] = None,
    max_tool_calls: Annotated[int | None, typer.Option(min=0, help="The most tool calls.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=0, help="The most tokens, in and out.")
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(min=0, help="The longest it may work.")
    ] = None,
    max_retries: Annotated[
        int | None, typer.Option(min=0, help="The most calls made again.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Ask for a run; with --follow, watch it and exit with its code."""
    from runfold.surfaces.cli.runs.requesting import request, with_files

    context = of(ctx)
    client = context.client(tenant, user)
    text, attachments = with_files(context, goal, files or [], tenant, untrusted=untrusted or [])
    run_id = request(
        client,
        text,
        agent,
        attachments,
        feature=feature,
        profile=profile,
        limits={
            "max_cost": max_cost,
            "max_model_calls": max_model_calls,
            "max_tool_calls": max_tool_calls,
            "max_tokens": max_tokens,
            "max_seconds": max_seconds,
            "max_retries": max_retries,
        },
    )
    if not follow:
        from runfold.surfaces.cli.runs.accepting import show_asked

        show_asked(context, context.runs(tenant), run_id, json=json)
        return
    if not json:
        output.console().print(f"run {run_id}", style="bold")
    raise typer.Exit(_follow(ctx, run_id, tenant, everything=everything, json=json))


def list_runs(
    ctx: typer.Context,
    status: Annotated[str | None, typer.Option(help="Only of this status.")] = None,
    agent: Annotated[str | None, typer.Option(help="Only of this agent.")] = None,
    tenant: options.Narrow = None,
    user: Annotated[str | None, typer.Option(help="Only of this user.")] = None,
    since: Annotated[str | None, typer.Option(help="Only since, such as 7d, 12h, 30m.")] = None,
    limit: options.Limit = 20,
    json: options.Json = False,
) -> None:
    """List runs, the newest first."""
    from runfold.surfaces.application.runs.reading.lists import list_runs as ask
    from runfold.surfaces.words import spent

    of(ctx).reads_now("runs", tenant)
    with of(ctx).views(tenant) as views:
        found = ask(
            views, limit, status=status, agent=agent, user_id=user, created_from=since_of(since)
        )
    if json:
        output.as_json(found)
        return
    rows = [
        (
            output.short(each.run_id),
            each.status.value,
            each.exit_code,
            each.agent,
            each.created_at,
            spent(each.cost_usd, each.unpriced_calls),
            " ".join(each.goal.split())[:60],
        )
        for each in found
    ]
    output.table(
        ("run", "status", "exit", "agent", "created", "cost", "goal"), rows, "No runs yet."
    )


def logs(
    ctx: typer.Context,
    run: options.Run,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on to the end, as events are committed.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Show every event.")] = False,
    tree: Annotated[
        bool, typer.Option("--tree", help="With the runs that it asked for, and theirs.")
    ] = False,
    tenant: options.Narrow = None,
    json: options.Json = False,
) -> None:
    """Show what happened in a run, read from the journal itself; -f follows it live."""
    from runfold.surfaces.application.runs.follow import journal_of
    from runfold.surfaces.cli.names import run_id_of
    from runfold.surfaces.cli.runs.watching import watch

    context = of(ctx)
    if follow and tree:
        raise CliError("--tree shows what is there: leave out --follow.", exits.USAGE)
    run_id = run_id_of(context, run, tenant)
    if tree:
        _tree(context, run_id, tenant, everything=everything, json=json)
        return
    context.reads_now("logs", tenant, run_id)
    if follow:
        raise typer.Exit(_follow(ctx, run_id, tenant, everything=everything, json=json))
    runs = context.runs(tenant)
    events = journal_of(runs.client, runs.scope, run_id)
    watch(events, everything=everything, json=json, live=False)


def _tree(
    context: Context, run_id: str, tenant: str | None, *, everything: bool, json: bool
) -> None:
    from runfold.surfaces.application.runs.reading.tree import tree_of
    from runfold.surfaces.cli.runs.tree import print_tree

    runs = context.runs(tenant)
    placed = tree_of(
        runs.client, runs.scope, run_id, lambda name: context.reads_now("logs", tenant, name)
    )
    print_tree(placed, everything=everything, json=json)


def show(
    ctx: typer.Context,
    run: options.Run,
    at: Annotated[
        int | None, typer.Option(min=1, help="As of this event; the latest unless given.")
    ] = None,
    tenant: options.Narrow = None,
    json: options.Json = False,
) -> None:
    """Show a run as it was after any of its events: its state, folded from the journal."""
    from runfold.surfaces.cli.names import run_id_of
    from runfold.surfaces.cli.runs.states import show_state

    context = of(ctx)
    run_id = run_id_of(context, run, tenant)
    context.reads_now("show", tenant, run_id)
    show_state(context.runs(tenant), run_id, at, json=json)


def since_of(text: str | None) -> datetime | None:
    """Return the moment that a span such as 7d, 12h or 30m ago was."""
    from datetime import UTC

    if text is None:
        return None
    try:
        return datetime.now(UTC) - span_of(text)
    except OverflowError:
        raise CliError(f"{text} is too long ago.", exits.USAGE) from None


def span_of(text: str) -> timedelta:
    """Return a span of time such as 7d, 12h or 30m."""
    unit = {"d": "days", "h": "hours", "m": "minutes"}.get(text[-1:])
    if unit is None or not text[:-1].isdecimal():
        raise CliError(f"{text!r} is not a span of time: write 7d, 12h or 30m.", exits.USAGE)
    spans: dict[str, Any] = {unit: int(text[:-1])}
    try:
        return timedelta(**spans)
    except OverflowError:
        raise CliError(f"{text} is too long.", exits.USAGE) from None


def _follow(
    ctx: typer.Context, run_id: str, tenant: str | None, *, everything: bool, json: bool
) -> int:
    from runfold.surfaces.cli.runs.watching import exit_code, followed, watch

    context = of(ctx)
    try:
        events = followed(context, context.runs(tenant), run_id)
        last = watch(events, everything=everything, json=json)
    except KeyboardInterrupt:
        typer.echo(
            f"\nThe run goes on. Watch it: runfold logs -f {run_id}; "
            f"end it: runfold cancel {run_id}",
            err=True,
        )
        return exits.INTERRUPTED
    return exit_code(last)
