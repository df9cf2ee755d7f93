"""Brakes and missing tools in an agent's manifest: what the schema cannot say is checked here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from runfold.events.definitions.agents.brakes import Brake, faults_of
from runfold.infra.documents import Document, FieldPath
from runfold.surfaces.manifests.problems import did_you_mean

PATH: FieldPath = ("extensions", "runfold", "brakes")


def lower_brakes(
    said: Mapping[str, Mapping[str, Any]], tools: Collection[str], document: Document
) -> dict[str, Brake]:
    """Return the brakes that a checked document declares; ``tools`` are those of its agent.

    What cannot hold is noted in the document, and left out.
    """
    found = {}
    for name, fields in said.items():
        claims, threshold = fields.get("claims", {}), Decimal(str(fields["threshold"]))
        reactions, judged = tuple(fields["reactions"]), "judge" in fields
        faults = list(faults_of(name, threshold, reactions, claims, judged=judged))
        for field, sentence in faults:
            document.refuse((*PATH, name, field) if field else (*PATH, name), sentence)
        unknown = _unknown(claims, tools)
        for phrase, sentence in unknown.items():
            document.refuse((*PATH, name, "claims", phrase), sentence)
        if not faults and not unknown:
            found[name] = Brake.model_validate(dict(fields))
    return found


def lower_unavailable(
    own: Mapping[str, Any], tools: Collection[str], document: Document
) -> dict[str, Any]:
    """Return the field that says what becomes of calls of tools that are left alone, if it is said.

    A tool that is none of the agent's is noted in the document.
    """
    names = {each.partition("@")[0] for each in tools}
    for tool in own.get("when_unavailable", {}):
        if tool not in names:
            sentence = f"{tool} is no tool of this agent.{did_you_mean(tool, names)}"
            document.refuse((*PATH[:-1], "when_unavailable", tool), sentence)
    return {name: own[name] for name in ("when_unavailable",) if name in own}


def _unknown(claims: Mapping[str, str], tools: Collection[str]) -> dict[str, str]:
    """Return the claims whose tool is none of the agent's, each with what to say of it."""
    names = {each.partition("@")[0] for each in tools}
    return {
        phrase: f"{tool} is no tool of this agent, so nothing could be {phrase} by it."
        f"{did_you_mean(tool, names)}"
        for phrase, tool in claims.items()
        if tool not in names
    }
