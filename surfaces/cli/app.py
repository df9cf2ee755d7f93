"""The application: every command by its name, in the order people meet them."""

from __future__ import annotations

import typer

from runfold.surfaces.cli import exits
from runfold.surfaces.cli.commands import definitions, look, money, people, runs, stack

app = typer.Typer(
    name="runfold",
    help="Run LLM agents in production: every action an event on Kafka, every state a fold.",
    epilog=f"Exit codes:\n\n{exits.table()}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

for group in (stack, definitions, runs, people, money, look):
    group.register(app)
