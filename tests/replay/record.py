"""``python -m tests.replay.record``: record the histories of a behaviour that is new, once.

They go to ``histories/behaviour_<n>``, with a digest of every walk. What is recorded stays as it
is: a decision that changes afterwards needs the next number.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

from runfold.events.definitions import AgentDefinition, Definition
from runfold.processors.run.behaviour import CURRENT
from tests.replay.scenarios import SCENARIOS
from tests.replay.walks import WALKS, digest, facts_of

FOLDER = Path(__file__).parent / "histories"


def folder_of(behaviour: int) -> Path:
    """Return where the histories of a behaviour are; those of the first had no folder yet."""
    return FOLDER if behaviour == 1 else FOLDER / f"behaviour_{behaviour}"


def walks_of(behaviour: int) -> Path:
    """Return the file with the digests of a behaviour's walks."""
    return FOLDER.parent / "digests" / f"behaviour_{behaviour}.json"


def main() -> int:
    """Record the current behaviour; 1 where it is recorded already."""
    folder = folder_of(CURRENT)
    if folder.exists():
        print(f"Behaviour {CURRENT} is recorded: raise CURRENT in processors/run/behaviour.py.")
        return 1
    folder.mkdir(parents=True)
    for name, live in SCENARIOS.items():
        life = live(CURRENT)
        values = [base64.b64encode(value).decode() for value in life.values()]
        history = {"definitions": [_published(each) for each in life.definitions], "values": values}
        (folder / f"{name}.json").write_text(json.dumps(history, indent=1) + "\n")
    digests = [digest(facts_of(walk, CURRENT)) for walk in range(WALKS)]
    walks_of(CURRENT).write_text(json.dumps(digests, indent=1) + "\n")
    return 0


def _published(definition: Definition) -> dict[str, object]:
    kind = "agent" if isinstance(definition, AgentDefinition) else "tool"
    return {"kind": kind, "body": json.loads(definition.body())}


if __name__ == "__main__":
    sys.exit(main())
