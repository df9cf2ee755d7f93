"""Money: what was spent on what, against which budget, proved, and at other prices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runfold.surfaces.cli import options
from runfold.surfaces.cli.commands.running.runs import since_of
from runfold.surfaces.cli.context import of

# Written here and not imported, so that --help is quick; a test holds them equal.
_DIMENSIONS = (
    "tenant, user, run, agent, version, feature, model, provider, skill, tool, prompt, variant, "
    "kind, day, month"
)

money = typer.Typer(invoke_without_command=True)

Since = Annotated[str | None, typer.Option(help="Only since, such as 7d, 12h, 30m.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    money.callback()(costs)
    money.command()(budgets)
    money.command()(verify)
    money.command()(reprice)
    app.add_typer(money, name="costs")


def costs(
    ctx: typer.Context,
    by: Annotated[
        str, typer.Option(help=f"One or more of {_DIMENSIONS}; commas between.")
    ] = "agent,model",
    since: Since = None,
    tenant: options.Narrow = None,
    json: options.Json = False,
) -> None:
    """Sum up what was spent, the most expensive first; calls without a price are only counted."""
    if ctx.invoked_subcommand is not None:
        return
    from runfold.surfaces.cli.operations.costs import show_costs

    named = [name.strip() for name in by.split(",")]
    show_costs(of(ctx), named, tenant, since_of(since), json=json)


def budgets(
    ctx: typer.Context,
    since: Since = None,
    tenant: options.Narrow = None,
    json: options.Json = False,
) -> None:
    """List the runs that have a budget with what they spent of it, the fullest first."""
    from runfold.surfaces.cli.operations.costs import show_budgets

    show_budgets(of(ctx), tenant, since_of(since), json=json)


def verify(ctx: typer.Context, json: options.Json = False) -> None:
    """Add up the journal itself, and compare every view with it to the last digit."""
    from runfold.surfaces.cli.operations.costs import show_proof

    raise typer.Exit(show_proof(of(ctx), json=json))


def reprice(
    ctx: typer.Context,
    prices: Annotated[
        Path, typer.Option(help="The price table: YAML, $ per million tokens by provider:model.")
    ],
    since: Since = None,
    name: Annotated[
        str | None,
        typer.Option("--as", help="Under which name it is kept; the file's unless given."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Compute the past at other prices, into a table of its own; the record is not touched."""
    from runfold.surfaces.cli.operations.costs import show_repricing

    show_repricing(of(ctx), prices, name or prices.stem, since_of(since), json=json)
