"""For telephones: a compact card, and the words of a push message, within the sizes of both."""

from __future__ import annotations

from typing import Any

from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.channels.actions import ANSWER, APPROVE, DENY, Action, decides
from runfold.surfaces.channels.composing.shortening import one_line
from runfold.surfaces.channels.composing.telling import result_of, status_of
from runfold.surfaces.channels.document import (
    Approval,
    Artifact,
    Document,
    HandOff,
    Items,
    Progress,
    Question,
    Said,
    Text,
)
from runfold.surfaces.channels.inbound.intents import Ask, Heard, Inbound, Unclear
from runfold.surfaces.channels.inbound.reading import json_object, pressed, word
from runfold.surfaces.channels.links import Links
from runfold.surfaces.channels.port import Payload

MOST_BYTES = 4_096
"""What the push services of both platforms carry at most."""

_TITLE, _BODY, _LINE, _LINES, _ACTIONS = 50, 120, 160, 6, 4


class Mobile:
    """JSON of a card and of a push message, of 4 KiB at most."""

    name = "mobile"

    def __init__(self, links: Links | None = None) -> None:
        self._links = links or Links()

    def render(self, document: Document) -> Payload:
        """Return the card; lines are left out from its end where it would be too large."""
        lines = [one_line(each, _LINE) for each in _lines(document)]
        kept = lines[:_LINES]
        while True:
            text = to_json(self._made(document, kept, more=len(lines) > len(kept)))
            if len(text.encode()) <= MOST_BYTES or not kept:
                return Payload(self.name, "application/json", text)
            kept = kept[:-1]

    def read(self, inbound: Inbound) -> Heard:
        """Read ``{action, text}`` or ``{goal}``."""
        found = json_object(inbound.body)
        if word(found, "action"):
            return Heard(pressed(word(found, "action"), word(found, "text")))
        if word(found, "goal").strip():
            return Heard(Ask(word(found, "goal").strip(), word(found, "agent")))
        return Heard(Unclear("Send an action, or a goal."))

    def _made(self, document: Document, lines: list[str], *, more: bool) -> dict[str, Any]:
        title = one_line(document.title, _TITLE)
        return {
            "version": 1,
            "card": {
                "run_id": document.run_id,
                "seq": document.seq,
                "status": document.status.value,
                "title": title,
                "lines": lines,
                "more": more,
                "actions": _actions(document),
                "open": self._links.run(document.run_id),
            },
            "push": {
                "title": title,
                "body": one_line(_pushed(document, lines), _BODY),
                # A later message about a run takes the place of the one before.
                "collapse": document.run_id,
                "category": "decide" if document.of(Approval, Question) else "status",
            },
        }


def _lines(document: Document) -> list[str]:
    found: list[str] = []
    for block in document.blocks:
        match block:
            case Text(text=text):
                found.append(text)
            case Items(title=title, items=items, more=more):
                found.append(f"{title}: {'; '.join(items)}{f' and {more} more' if more else ''}")
            case Progress(done=done, total=total, text=text):
                found.append(f"{done} of {total}: {text}" if total else text)
            case Question(text=text) | Approval(text=text):
                found.append(text)
                found += [f"{name}: {value}" for name, value in getattr(block, "arguments", ())]
            case Artifact(title=title):
                found.append(title)
            case HandOff(to=to, why=why):
                found.append(f"{why}: by {to}")
            case _:
                pass
    return found


def _pushed(document: Document, lines: list[str]) -> str:
    """Return the words of the push: what is asked, else the result, else where it stands."""
    for block in document.of(Approval, Question):
        assert isinstance(block, Approval | Question)
        return block.text
    for block in document.of(Text):
        if isinstance(block, Text) and block.said is Said.RESULT:
            return result_of(document.status, block.text)
    return lines[0] if lines else status_of(document.status)


def _actions(document: Document) -> list[dict[str, str]]:
    """Return what can be pressed: for the first thing that is asked."""
    for block in document.of(Approval, Question):
        if isinstance(block, Approval):
            return [
                _action("Approve", decides(APPROVE, block)),
                _action("Deny", decides(DENY, block)),
            ]
        assert isinstance(block, Question)
        offered = [
            _action(option, decides(ANSWER, block, at)) for at, option in enumerate(block.options)
        ]
        return [*offered[: _ACTIONS - 1], _action("Answer", decides(ANSWER, block))]
    return []


def _action(name: str, action: Action) -> dict[str, str]:
    return {"name": one_line(name, 30), "action": str(action)}
