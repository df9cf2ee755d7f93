"""Whether a kill switch stops what somebody means: a name that nothing has would stop nothing.

Asked at this border alone. What stands on record holds as it is, whatever it names.
"""

from __future__ import annotations

from collections.abc import Iterator

from runfold.events.definitions import AgentDefinition, Definitions
from runfold.events.people.persons import folded


def fault_of(kind: str, name: str) -> str:
    """Return why nothing can have a name, as a sentence; an empty text where something may."""
    if name != name.strip() or not name.isprintable():
        return f"{name!r} has blanks or other characters around it that no name has."
    if "*" in name:
        return f"A switch stops one {kind} by its whole name, and {name} is a pattern."
    if kind == "model" and not all(name.partition(":")):
        return f"A model is named as agents name it: provider:name, as in openai:{name or 'gpt-x'}."
    return ""


def note_on(known: Definitions, kind: str, name: str) -> str:
    """Return what is to be known of a model that no published agent names; empty for others.

    It may be what a default model stands for, so it is stopped all the same.
    """
    named = set(_models(known))
    if kind != "model" or name in named:
        return ""
    alike = sorted(each for each in named if folded(each) == folded(name))
    hint = f": write {alike[0]}" if alike else "; it is stopped where a default model stands for it"
    return f"no published agent names {name}{hint}"


def _models(known: Definitions) -> Iterator[str]:
    for each in known:
        made = each.definition
        if isinstance(made, AgentDefinition):
            yield from (made.model.name, *made.model.fallbacks, *made.model.cheaper)
