"""For Slack: Block Kit within its sizes, with buttons that carry what was shown.

What a model or a stranger said is text in which nothing is markup: the three signs that begin
mentions, links and entities are escaped, and Slack is told to make no links of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.channels.actions import ANSWER, APPROVE, DENY, Action, decides
from runfold.surfaces.channels.adapters.slack_reading import heard
from runfold.surfaces.channels.composing.shortening import one_line
from runfold.surfaces.channels.composing.telling import result_of, status_of
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
    Said,
    Text,
)
from runfold.surfaces.channels.inbound.intents import Heard, Inbound
from runfold.surfaces.channels.links import Links
from runfold.surfaces.channels.port import Payload
from runfold.surfaces.visible import visible
from runfold.surfaces.words import money

MOST_BLOCKS, MOST_TEXT, MOST_HEADER, MOST_BUTTON = 50, 3_000, 150, 75
"""Slack's own bounds: of blocks in a message, and of characters in a text."""

_MOST_OPTIONS = 10
_FALLBACK = 300

Tree = dict[str, Any]


class Slack:
    """A message of Block Kit, in the thread that it was asked for in, if that is known."""

    name = "slack"

    def __init__(self, links: Links | None = None, thread: str = "") -> None:
        self._links = links or Links()
        self._thread = thread

    def render(self, document: Document) -> Payload:
        """Return a message as Slack's API takes it."""
        return Payload(self.name, "application/json", to_json(self.message(document)))

    def message(self, document: Document) -> Tree:
        """Return the message as a tree."""
        blocks: list[Tree] = [_header(document.title)]
        for block in document.blocks:
            blocks += self._blocks(document, block)
        if len(blocks) > MOST_BLOCKS:
            # What is asked stays: it is what somebody has to act upon.
            asked = [b for b in blocks if b["type"] == "actions"]
            kept = [b for b in blocks if b["type"] != "actions"][: MOST_BLOCKS - 1 - len(asked)]
            blocks = [*kept, _section("More than fits here was left out."), *asked]
        said: Tree = {
            # For notifications and for who cannot see blocks.
            "text": escaped(one_line(_fallback(document), _FALLBACK)),
            "blocks": blocks,
            "parse": "none",
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        return {**said, "thread_ts": self._thread} if self._thread else said

    def read(self, inbound: Inbound) -> Heard:
        """Read a slash command, or a button that was pressed."""
        return heard(inbound)

    def _blocks(self, document: Document, block: Block) -> Iterator[Tree]:
        match block:
            case Text(text=text):
                yield from _sections(text)
            case Items(title=title, items=items, more=more):
                lines = [title + ":", *(f"• {each}" for each in items)]
                yield from _sections("\n".join([*lines, *([f"… {more} more"] if more else [])]))
            case Grid(title=title, columns=columns, rows=rows, more=more):
                lines = [f"{title}:", " | ".join(columns), *(" | ".join(row) for row in rows)]
                yield from _sections("\n".join([*lines, *([f"… {more} more"] if more else [])]))
            case Card(card=card):
                cost = card.estimated_cost_so_far
                told = f"cost {'unpriced' if cost is None else money(cost)}; {card.last_action}"
                yield _context(told)
            case Progress(done=done, total=total, text=text):
                yield _context(f"{done} of {total}: {text}" if total else text)
            case Question():
                yield from _question(block)
            case Approval():
                yield from _approval(block)
            case Artifact(ref=ref, title=title):
                at = self._links.artifact(document.run_id, ref)
                text = f"<{escaped(at)}|{escaped(title)}>" if at else escaped(f"{title}: {ref}")
                yield {"type": "context", "elements": [_mrkdwn(text)]}
            case HandOff(to=to, why=why):
                yield _context(f"{why} can be had by {to}.")


def escaped(text: str) -> str:
    """Return a text in which Slack finds no mention, link or entity."""
    safe = visible(text)
    return safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fallback(document: Document) -> str:
    for block in document.of(Approval, Question):
        assert isinstance(block, Approval | Question)
        return f"{document.title}: {block.text}"
    result = next(
        (b.text for b in document.of(Text) if isinstance(b, Text) and b.said is Said.RESULT), ""
    )
    result = result_of(document.status, result)
    return f"{document.title}: {result or status_of(document.status)}"


def _mrkdwn(text: str) -> Tree:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str, most: int) -> Tree:
    return {"type": "plain_text", "text": one_line(text, most) or "…", "emoji": False}


def _header(text: str) -> Tree:
    return {"type": "header", "text": _plain(text, MOST_HEADER)}


def _section(text: str) -> Tree:
    return {"type": "section", "text": _mrkdwn(_fitting(escaped(text), MOST_TEXT) or "…")}


def _sections(text: str) -> Iterator[Tree]:
    """Yield a long text as several sections: escaped, it may be five times as long."""
    for at in range(0, max(len(text), 1), MOST_TEXT // 2):
        yield _section(text[at : at + MOST_TEXT // 2])


def _context(text: str) -> Tree:
    return {"type": "context", "elements": [_mrkdwn(_fitting(escaped(text), 2_000) or "…")]}


def _fitting(text: str, most: int) -> str:
    """Return a text that was escaped, cut so that no entity is cut."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    begun = cut.rfind("&")
    return f"{cut[:begun] if begun > len(cut) - 6 and ';' not in cut[begun:] else cut}…"


def _approval(block: Approval) -> Iterator[Tree]:
    lines = [f"{block.text} ({block.tool}, risk level {block.risk_level})"]
    lines += [f"{name}: {value}" for name, value in block.arguments]
    if block.needed > 1:
        lines.append(f"approved by {len(block.approved_by)} of {block.needed}")
    yield from _sections("\n".join(lines))
    yield {
        "type": "actions",
        "block_id": f"decide.{block.call_id}"[:255],
        "elements": [
            _button("Approve", decides(APPROVE, block), "primary"),
            _button("Deny", decides(DENY, block), "danger"),
        ],
    }


def _question(block: Question) -> Iterator[Tree]:
    yield from _sections(block.text)
    if block.options:
        yield {
            "type": "actions",
            "block_id": f"answer.{block.call_id}"[:255],
            "elements": [
                _button(option, decides(ANSWER, block, at))
                for at, option in enumerate(block.options[:_MOST_OPTIONS])
            ],
        }
    yield _context(f"Answer with: answer {block.call_id} {block.digest[:12]} TEXT")


def _button(name: str, action: Action, style: str = "") -> Tree:
    button: Tree = {
        "type": "button",
        "text": _plain(name, MOST_BUTTON),
        # Within a block no two may have the same.
        "action_id": action.kind if action.option is None else f"{action.kind}.{action.option}",
        "value": str(action),
    }
    return {**button, "style": style} if style else button
