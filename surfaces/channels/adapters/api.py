"""For programs: the document as JSON, with a version, and actions as they are posted back."""

from __future__ import annotations

import dataclasses
from typing import Any

from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.channels.actions import ANSWER, APPROVE, DENY, decides
from runfold.surfaces.channels.document import Approval, Block, Card, Document, Question
from runfold.surfaces.channels.inbound.intents import Ask, Heard, Inbound, Tell, Unclear
from runfold.surfaces.channels.inbound.reading import json_object, pressed, word
from runfold.surfaces.channels.port import Payload

VERSION = 1


class Api:
    """JSON for programs; also for IDEs, webhooks, workers and servers that speak MCP."""

    name = "api"

    def render(self, document: Document) -> Payload:
        """Return the document as one JSON object."""
        return Payload(self.name, "application/json", to_json(plainly(document)))

    def read(self, inbound: Inbound) -> Heard:
        """Read ``{action, reason}``, ``{run_id, text}`` or ``{goal, agent}``."""
        found = json_object(inbound.body)
        if found is None:
            return Heard(Unclear("Send an object of JSON."))
        if word(found, "action"):
            said = word(found, "text") or word(found, "reason")
            return Heard(pressed(word(found, "action"), said))
        if word(found, "run_id") and word(found, "text"):
            return Heard(Tell(word(found, "run_id"), word(found, "text")))
        if word(found, "goal"):
            return Heard(Ask(word(found, "goal"), word(found, "agent")))
        return Heard(Unclear("Send an action, a run_id with a text, or a goal."))


def plainly(document: Document) -> dict[str, Any]:
    """Return a document as a tree of JSON."""
    return {
        "version": VERSION,
        "run_id": document.run_id,
        "channel": document.channel,
        "profile": document.profile,
        "status": document.status.value,
        "seq": document.seq,
        "seen": document.seen,
        "title": document.title,
        "ended": document.ended,
        "blocks": [block_of(each) for each in document.blocks],
    }


def block_of(block: Block) -> dict[str, Any]:
    """Return a block with its kind, and with the actions that decide it."""
    kind = type(block).__name__.lower()
    if isinstance(block, Card):
        return {"type": kind, **dict(block.card)}
    fields = {each.name: getattr(block, each.name) for each in dataclasses.fields(block)}
    if isinstance(block, Approval):
        fields["arguments"] = dict(block.arguments)
        del fields["leaves"]
        fields["actions"] = {
            APPROVE: str(decides(APPROVE, block)),
            DENY: str(decides(DENY, block)),
        }
    elif isinstance(block, Question):
        fields["actions"] = {ANSWER: str(decides(ANSWER, block))}
    return {"type": kind, **fields}
