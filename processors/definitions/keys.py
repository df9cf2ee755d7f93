"""The keys of decisions about definitions: each its own, so that compaction keeps them all."""

from __future__ import annotations

from uuid import uuid4

from runfold.events.definitions import Decided

_WORDS = {
    "DefinitionReleased": "released",
    "DefinitionRetired": "retired",
    "DefinitionWithdrawn": "withdrawn",
    "DefinitionAliased": "aliased",
    "SwitchThrown": "switched",
    "AuthorityDelegated": "delegated",
}


def key_of_decision(decided: Decided) -> str:
    """Return a key that no other record has.

    A decision is made again with the definitions of its own position, so what was decided before
    must stay on the topic beside what replaced it.
    """
    word = _WORDS[type(decided).__name__]
    return f"{word}/{decided.kind}/{decided.name}/{uuid4()}"
