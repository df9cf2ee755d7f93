"""A tree of runs on the screen: one line an event, set in by how deep its run is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from runfold.events.traits import Tone
from runfold.surfaces.application.rendering import event_of
from runfold.surfaces.application.runs.reading.tree import Placed
from runfold.surfaces.cli import output
from runfold.surfaces.cli.runs.timeline import Progress, rendered, show

_STEP = "  "


def print_tree(events: Iterable[Placed], *, everything: bool, json: bool) -> None:
    """Print the events of a tree; JSON has those of each run as `logs` has them."""
    console, known = output.console(), dict[str, Progress]()
    for placed in events:
        run_id = placed.event.meta.run_id
        known[run_id], line = show(known.get(run_id, Progress()), placed.event)
        if json:
            output.as_json(event_of(placed.event))
        elif everything or line.tone is not Tone.QUIET:
            words = f"{_STEP * placed.depth}{placed.agent}: {line.text}"
            console.print(rendered(replace(line, text=words)))
