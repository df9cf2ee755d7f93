"""The effect of a control, in one line."""

from __future__ import annotations

from runfold.surfaces.application.shapes import ControlOutcome
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.runs.asking import TO_TYPE, after_ignored


def show_outcome(outcome: ControlOutcome, *, json: bool) -> int:
    """Print what a control led to, and return the exit code."""
    if json:
        output.as_json(outcome)
    else:
        style = "green" if outcome.applied else "yellow"
        line = f"{outcome.text} ({outcome.status.value} after event {outcome.seq})"
        output.console().print(line, style=style, markup=False)
        if not outcome.applied:
            said = outcome.fact
            then = after_ignored(outcome.run_id, said["control"], said.get("code"))
            output.console().print(f"{TO_TYPE}{then}", markup=False)
    return exits.OK if outcome.applied else exits.NO
