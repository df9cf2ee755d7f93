"""For Microsoft Teams: an Adaptive Card, and commands as they are typed to an outgoing webhook.

The cards of an outgoing webhook can open links and nothing else, so what decides is typed: the
card shows the words, with the digest of what is shown. Text runs know no markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.channels.document import (
    Approval,
    Artifact,
    Block,
    Card,
    Document,
    Grid,
    HandOff,
    Items,
    Progress,
    Question,
    Text,
)
from runfold.surfaces.channels.inbound.intents import Heard, Inbound, Sender, Unclear
from runfold.surfaces.channels.inbound.reading import HELP, json_object, typed, word
from runfold.surfaces.channels.links import Links
from runfold.surfaces.channels.port import Payload
from runfold.surfaces.visible import visible

MOST_BYTES = 27_000
"""A message of Teams has 28 KB, of which some is not ours."""

_CARD = "application/vnd.microsoft.card.adaptive"
_DIGITS = 12
_MENTION = re.compile(r"<at\b[^>]{0,100}>[^<]{0,200}</at>", re.IGNORECASE)
_MARKUP = re.compile(r"<[^>]{0,500}>")
_LONGEST_ID = 500

Tree = dict[str, Any]


class Teams:
    """A message with one Adaptive Card 1.5."""

    name = "teams"

    def __init__(self, links: Links | None = None) -> None:
        self._links = links or Links()

    def render(self, document: Document) -> Payload:
        """Return a message; blocks are left out from its end where it would be too large."""
        blocks = [_run(document.title, weight="Bolder", size="Medium")]
        asked: list[Tree] = []
        for block in document.blocks:
            # What is asked stays whatever has to go.
            (asked if isinstance(block, Approval | Question) else blocks).extend(_blocks(block))
        while True:
            text = to_json(self._message(document, [*blocks, *asked]))
            if len(text.encode()) <= MOST_BYTES or len(blocks) == 1:
                return Payload(self.name, "application/json", text)
            blocks = blocks[:-1]

    def read(self, inbound: Inbound) -> Heard:
        """Read a message that mentions the webhook."""
        found = json_object(inbound.body)
        sender = Sender(
            team=_id(word(found, "channelData", "tenant", "id")),
            user=_id(word(found, "from", "aadObjectId")),
            place=_id(word(found, "channelData", "channel", "id")),
            thread=_id(word(found, "conversation", "id")),
            once=_id(word(found, "id")),
        )
        if word(found, "type") != "message":
            return Heard(Unclear(HELP), sender)
        text = unescape(_MARKUP.sub(" ", _MENTION.sub(" ", word(found, "text"))))
        return Heard(typed(" ".join(text.split())), sender)

    def _message(self, document: Document, body: list[Tree]) -> Tree:
        at = self._links.run(document.run_id)
        card: Tree = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.5",
            "body": body,
        }
        if at:
            card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the run", "url": at}]
        return {"type": "message", "attachments": [{"contentType": _CARD, "content": card}]}


def _run(text: str, **looks: Any) -> Tree:
    """Return a paragraph whose text is never markup."""
    run = {"type": "TextRun", "text": visible(text) or " ", **looks}
    return {"type": "RichTextBlock", "inlines": [run]}


def _blocks(block: Block) -> Iterator[Tree]:
    match block:
        case Text(text=text):
            yield _run(text)
        case Items(title=title, items=items, more=more):
            yield _run(title, weight="Bolder")
            yield from (_run(f"• {each}") for each in items)
            if more:
                yield _run(f"… {more} more", isSubtle=True)
        case Grid():
            yield from _table(block)
        case Card(card=card):
            yield _run(f"Last: {card.last_action}", isSubtle=True)
        case Progress(done=done, total=total, text=text):
            yield _run(f"{done} of {total}: {text}" if total else text, isSubtle=True)
        case Question(text=text, options=options):
            yield _run(text, weight="Bolder")
            yield from (_run(f"• {each}") for each in options)
            yield _run(f"Answer with: answer {block.call_id} {block.digest[:_DIGITS]} TEXT")
        case Approval():
            yield from _approval(block)
        case Artifact(ref=ref, title=title):
            yield _run(f"{title}: {ref}", isSubtle=True)
        case HandOff(to=to, why=why):
            yield _run(f"{why} can be had by {to}.", isSubtle=True)


def _approval(block: Approval) -> Iterator[Tree]:
    yield _run(f"{block.text} ({block.tool}, risk level {block.risk_level})", weight="Bolder")
    yield from (_run(f"{name}: {value}") for name, value in block.arguments)
    if block.needed > 1:
        yield _run(f"approved by {len(block.approved_by)} of {block.needed}")
    shown = f"{block.call_id} {block.digest[:_DIGITS]}"
    yield _run(f"Decide with: approve {shown}, or: deny {shown} WHY")


def _table(block: Grid) -> Iterator[Tree]:
    yield _run(block.title, weight="Bolder")
    rows = [
        {"type": "TableRow", "cells": [{"type": "TableCell", "items": [_run(c)]} for c in row]}
        for row in (block.columns, *block.rows)
    ]
    yield {
        "type": "Table",
        "firstRowAsHeader": True,
        "columns": [{"width": 1} for _ in block.columns],
        "rows": rows,
    }
    if block.more:
        yield _run(f"… {block.more} more", isSubtle=True)


def _id(text: str) -> str:
    return text if len(text) <= _LONGEST_ID and text.isascii() and text.isprintable() else ""
