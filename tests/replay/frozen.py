"""What must not change: the recorded histories and the digests of walks, for every behaviour."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from runfold.events import topics
from runfold.events.contents.content import canonical_json
from runfold.events.definitions import Definitions
from runfold.events.run import Event
from runfold.processors.run.behaviour import CURRENT, FIRST
from tests.replay.record import FOLDER, folder_of, walks_of
from tests.replay.scenarios import SCENARIOS, Life
from tests.replay.walks import digest, facts_of
from tests.support.builders.stories import CODEC

BEHAVIOURS = range(FIRST, CURRENT + 1)
HISTORIES = sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.json"))
"""Every recorded history by its place; ``release_1`` holds those of the schemas' first versions."""

WHAT_TO_DO = (
    "Runs under way and every audit would differ. If that is meant: raise CURRENT in "
    "processors/run/behaviour.py, say there what changed, write the change as "
    "`if run.behaviour >= n`, and record the new number with `python -m tests.replay.record`."
)


@cache
def load(name: str) -> tuple[Definitions, tuple[tuple[bytes, Event], ...]]:
    """Return the definitions and the events of a recorded history, with their bytes."""
    recorded = json.loads((FOLDER / f"{name}.json").read_text())
    rules = Definitions()
    for position, definition in enumerate(recorded["definitions"], 1):
        rules = rules.plus(definition["kind"], canonical_json(definition["body"]), position)
    values = [base64.b64decode(value) for value in recorded["values"]]
    decoded = [(value, CODEC.decode(topics.EVENTS, value)) for value in values]
    return rules, tuple((value, event) for value, event in decoded if isinstance(event, Event))


def scenarios_of(behaviour: int) -> list[tuple[str, Path]]:
    """Return the scenarios that are on record for a behaviour."""
    folder = folder_of(behaviour)
    return [(name, path) for name in SCENARIOS if (path := folder / f"{name}.json").exists()]


def changed(behaviour: int, walks: Iterable[int] | None = None) -> list[str]:
    """Return what is decided otherwise than it was recorded, one sentence each."""
    found = [
        f"Behaviour {behaviour} decides the scenario {name!r} otherwise than it is recorded."
        for name, path in scenarios_of(behaviour)
        if _facts(SCENARIOS[name](behaviour)) != _recorded(path)
    ]
    digests = json.loads(walks_of(behaviour).read_text())
    found += [
        f"Behaviour {behaviour} decides walk {walk} otherwise than before."
        for walk in (range(len(digests)) if walks is None else walks)
        if digest(facts_of(walk, behaviour)) != digests[walk]
    ]
    return found


def _facts(life: Life) -> list[object]:
    events = [CODEC.decode(topics.EVENTS, value) for value in life.values()]
    return [event.fact for event in events if isinstance(event, Event)]


def _recorded(path: Path) -> list[object]:
    return [event.fact for _, event in load(str(path.relative_to(FOLDER).with_suffix("")))[1]]
