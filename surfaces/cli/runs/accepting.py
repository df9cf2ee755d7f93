"""What is said of a run that was asked for: its id, and a limit that cannot be kept."""

from __future__ import annotations

import typer

from runfold.events.run import RunCreated
from runfold.events.wording import SENTENCES
from runfold.producers.errors import LogError
from runfold.surfaces.application.runs.follow import accepted
from runfold.surfaces.application.runs.runs import Runs
from runfold.surfaces.cli import output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.visible import visible
from runfold.surfaces.words import model_name


def show_asked(context: Context, runs: Runs, run_id: str, *, json: bool) -> None:
    """Print a run's id, and a warning where it has a limit of money and no price is known.

    For programs ``unpriced`` says so; null means that the run was not accepted in time to tell.
    """
    if not json:
        # At once: what comes after it may take a moment.
        output.console().print(run_id)
    try:
        created = accepted(runs.client, runs.scope, run_id, context.warns_within)
    except LogError:
        # The request stands on the log: nothing that fails now may hide that.
        created = None
    if json:
        output.as_json({"run_id": run_id, "unpriced": created.unpriced if created else None})
    elif created is not None and created.unpriced:
        typer.echo(visible(_warning(created)), err=True)


def _warning(created: RunCreated) -> str:
    return (
        f"Warning: the run's limit of money cannot be kept, since no price of "
        f"{model_name(created.model)} is known: {SENTENCES['give_a_price']}."
    )
