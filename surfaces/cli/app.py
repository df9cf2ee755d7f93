"""The application: every command by its name, in the order people meet them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.main import get_command

from runfold.surfaces.cli import exits
from runfold.surfaces.cli.commands import (
    backups,
    config,
    definitions,
    look,
    manifests,
    mcp,
    money,
    sql,
    stack,
    store,
)
from runfold.surfaces.cli.commands.governing import (
    access,
    delegations,
    keys,
    policies,
    push,
    switches,
    tenants,
    tokens,
    webhooks,
)
from runfold.surfaces.cli.commands.running import (
    extending,
    people,
    rendering,
    runs,
    taking_over,
)
from runfold.surfaces.cli.help import Sections, with_examples

app = typer.Typer(
    name="runfold",
    cls=Sections,
    help="Run LLM agents in production: every action an event on Kafka, every state a fold.",
    epilog=f"Exit codes:\n\n{exits.table()}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        # It takes a tenth of what every command takes to begin.
        from importlib.metadata import version

        typer.echo(f"runfold {version('runfold')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def command_line() -> Any:
    """Return the whole command line, to be run or described."""
    return with_examples(get_command(app))


for group in (
    stack,
    definitions,
    manifests,
    store,
    policies,
    access,
    runs,
    rendering,
    people,
    extending,
    taking_over,
    delegations,
    money,
    tenants,
    switches,
    tokens,
    keys,
    mcp,
    webhooks,
    push,
    sql,
    look,
    backups,
    config,
):
    group.register(app)
