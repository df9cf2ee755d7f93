"""``python -m tests.replay.record``: write the histories that replays are held against.

Record anew only where a change of decisions is meant; the diff then shows what changed for runs
that are under way.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from runfold.events.definitions import AgentDefinition
from tests.replay.scenarios import DEFINITIONS, SCENARIOS

FOLDER = Path(__file__).parent / "histories"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    definitions = [
        {
            "kind": "agent" if isinstance(definition, AgentDefinition) else "tool",
            "body": json.loads(definition.body()),
        }
        for definition in DEFINITIONS
    ]
    for name, live in SCENARIOS.items():
        values = [base64.b64encode(value).decode() for value in live().values()]
        history = {"definitions": definitions, "values": values}
        (FOLDER / f"{name}.json").write_text(json.dumps(history, indent=1) + "\n")


if __name__ == "__main__":
    main()
