"""``show RUN --at SEQ``: a run's state as of any of its events, folded from the journal [34]."""

from __future__ import annotations

from typing import Any

from runfold.surfaces.application.rendering import jsonable
from runfold.surfaces.application.runs.reading.explain import state_at
from runfold.surfaces.application.runs.runs import Runs
from runfold.surfaces.cli import output
from runfold.surfaces.words import shortened


def show_state(runs: Runs, run_id: str, at: int | None, *, json: bool) -> None:
    """Print the state of a run after event ``at``, or after its latest."""
    found = state_at(runs.client, runs.scope, run_id, at)
    if json:
        output.as_json(found)
        return
    output.console().print(
        f"After event {found.seq}, {found.last_event}: {found.last_action}", style="bold"
    )
    _print(jsonable(found), "")


def _print(value: Any, indent: str) -> None:
    console = output.console()
    entries = (
        value.items() if isinstance(value, dict) else ((f"{n}", v) for n, v in enumerate(value))
    )
    for name, held in entries:
        if name == "shape":
            # It is for programs.
            continue
        if isinstance(held, dict | list) and held:
            console.print(f"{indent}{name}", style="cyan", markup=False)
            _print(held, indent + "  ")
        elif held not in ({}, [], "", None):
            console.print(f"{indent}{name}: {shortened(str(held), 160)}", markup=False)
