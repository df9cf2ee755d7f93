"""Escalations in an agent's manifest: what the schema cannot say is checked here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runfold.events.definitions import AgentDefinition, ToolContract
from runfold.events.definitions.agents.escalation import Escalation, Escalations, faults_of
from runfold.infra.documents import Document, FieldPath
from runfold.processors.run.people.escalating import APPROVED_UP_TO

_STANDS_IN = " for user/"
"""How a decision names who acts for somebody absent."""

PATH: FieldPath = ("extensions", "runfold", "escalation")


def lower_escalation(own: Mapping[str, Any], document: Document) -> Escalations:
    """Return what a checked document declares.

    What cannot hold is noted in the document, and left out.
    """
    found = {}
    for kind, said in own.get("escalation", {}).items():
        escalation = Escalation.model_validate(said)
        faults = [*faults_of(kind, escalation), *_unclear(escalation)]
        for field, sentence in faults:
            document.refuse((*PATH, kind, *_path(field)), sentence)
        if not faults:
            found[kind] = escalation
    return Escalations(**found)


def _unclear(said: Escalation) -> Iterator[tuple[str, str]]:
    """Yield the names that could be read as something else: who is asked is on record as text."""
    for name in (*said.ask, *(each for step in said.steps for each in step.ask)):
        if _STANDS_IN in name or not name.isprintable():
            yield (
                "ask",
                f"{name!r} is no name of a person: who acts for them, runfold delegate says",
            )


def check_end(
    agent: AgentDefinition, document: Document, tool: Callable[[str], ToolContract | None]
) -> None:
    """Note that a deadline is to approve calls that it never may, above risk level 1."""
    said = agent.escalation.approvals
    if said is None or said.end != "approve":
        return
    contracts = [contract for name in agent.tools if (contract := tool(name)) is not None]
    above = [each.name for each in contracts if each.risk_level > APPROVED_UP_TO]
    if above:
        sentence = (
            f"a deadline approves calls up to risk level {APPROVED_UP_TO}, and {above[0]} is above "
            "it: say deny, fail or wait"
        )
        document.refuse((*PATH, "approvals", "end"), sentence)


def _path(field: str) -> FieldPath:
    """Return a field such as ``steps.0.ask`` as a path, of which an empty one has no part."""
    return tuple(int(part) if part.isdecimal() else part for part in field.split(".") if part)
