"""The effect of a control, in one line."""

from __future__ import annotations

from runfold.surfaces.application.shapes import ControlOutcome
from runfold.surfaces.cli import exits, output


def show_outcome(outcome: ControlOutcome, *, json: bool) -> int:
    """Print what a control led to, and return the exit code."""
    if json:
        output.as_json(outcome)
    else:
        style = "green" if outcome.applied else "yellow"
        line = f"{outcome.text} ({outcome.status.value} after event {outcome.seq})"
        output.console().print(line, style=style, markup=False)
    return exits.OK if outcome.applied else exits.NO
