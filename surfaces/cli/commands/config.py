"""The settings: ``config``."""

from __future__ import annotations

import os

import typer

from runfold.surfaces.cli import exits, options, output


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(config)


def config(json: options.Json = False) -> None:
    """Show every setting, what it holds and where that comes from; secrets are masked.

    Exits with 65 where a value cannot be used.
    """
    from dataclasses import asdict

    from runfold.infra.settings.listing import settings_in
    from runfold.infra.settings.table import unknown

    settings = settings_in(os.environ, _of_the_stack())
    strangers = unknown(os.environ)
    problems = [setting for setting in settings if setting.problem]
    if json:
        output.as_json(
            {
                "settings": [asdict(setting) for setting in settings],
                "unknown": [asdict(stranger) for stranger in strangers],
            }
        )
    else:
        rows = [(one.name, one.source, one.value) for one in settings]
        output.table(("setting", "source", "value"), rows, "")
        for sentence in (*(setting.problem for setting in problems), *map(str, strangers)):
            output.console().print(sentence, markup=False)
    raise typer.Exit(exits.BAD_INPUT if problems else exits.OK)


def _of_the_stack() -> dict[str, str]:
    """Return what the stack that runs in this home adds; nothing where none runs."""
    from runfold.stack import control
    from runfold.stack.errors import StackError
    from runfold.stack.settings import Settings

    try:
        known = control.status(Settings.from_env())
    except StackError:
        # A setting is wrong, and is shown as such.
        return {}
    if known is None:
        return {}
    return {
        "KAFKA_BOOTSTRAP_SERVERS": known.bootstrap_servers,
        "DATABASE_URL": known.database_url,
        "RUNFOLD_PARTITIONS": str(known.partitions),
        "RUNFOLD_DEPLOYMENT": known.deployment,
    }
