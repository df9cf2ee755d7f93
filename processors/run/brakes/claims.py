"""Whether a completion claims what no tool did in the run: hallucinated progress [57]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runfold.events.definitions.agents.brakes import words_of
from runfold.events.values import ProposedCall
from runfold.processors.run.agent.controls import control_tools
from runfold.processors.run.draft import Draft

DETECTOR = "unfounded_claims"


def denial(draft: Draft, call: ProposedCall) -> str | None:
    """Return why a completion is not taken, in words for the model; None where it may stand.

    It may where fewer claims than the brake's threshold are unfounded, this one included.
    """
    watch = draft.run.loop.watch
    if call.name != control_tools.COMPLETE or watch is None or DETECTOR not in watch.detectors:
        return None
    brake = draft.agent().brakes[DETECTOR]
    if len(watch.unfounded) + 1 < brake.threshold:
        return None
    said = control_tools.arguments_of(call) or {}
    for phrase, tool in sorted(brake.claims.items()):
        if tool not in watch.succeeded and _says(said, words_of(phrase)):
            return draft.model("unfounded_claim", phrase=phrase, tool=tool)
    return None


def _says(said: dict[str, Any], phrase: str) -> bool:
    spoken = (said.get("summary"), said.get("result"))
    return any(phrase in words_of(text) for text in _texts(spoken))


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a value, and the names of members that have a value."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            yield from (name for name, held in each.items() if held)
            waiting += each.values()
        elif isinstance(each, list | tuple):
            waiting += each
