"""For terminals: plain lines, with the commands that decide."""

from __future__ import annotations

from collections.abc import Iterator

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
from runfold.surfaces.channels.inbound.intents import Heard, Inbound
from runfold.surfaces.channels.inbound.reading import typed
from runfold.surfaces.channels.port import Payload
from runfold.surfaces.visible import on_one_line, visible
from runfold.surfaces.words import money

_CELL = 40
_DIGITS = 12


class Cli:
    """Text for terminals; also for user interfaces that are made of text."""

    name = "cli"

    def render(self, document: Document) -> Payload:
        """Return the document as lines in which nothing steers a terminal."""
        lines = [f"{on_one_line(document.title)}  [{document.status.value}, #{document.seq}]"]
        for block in document.blocks:
            lines += _lines(block)
        return Payload(self.name, "text/plain", "\n".join(lines) + "\n")

    def read(self, inbound: Inbound) -> Heard:
        """Read a command as it is typed."""
        return Heard(typed(inbound.body.decode("utf-8", "replace")))


def _lines(block: Block) -> Iterator[str]:  # noqa: C901
    match block:
        case Text(text=text):
            yield from visible(text).split("\n")
        case Items(title=title, items=items, more=more):
            yield f"{on_one_line(title)}:"
            yield from (f"  - {on_one_line(each)}" for each in items)
            if more:
                yield f"  … {more} more"
        case Grid():
            yield from _table(block)
        case Card(card=card):
            cost = card.estimated_cost_so_far
            yield f"last      {on_one_line(card.last_action)}"
            if card.next_proposed_action:
                yield f"next      {on_one_line(card.next_proposed_action)}"
            yield f"cost      {'unpriced' if cost is None else money(cost)}"
        case Progress(done=done, total=total, text=text):
            yield f"{f'[{done}/{total}] ' if total else ''}{on_one_line(text)}"
        case Question(call_id=call, text=text, options=options, digest=digest):
            yield f"? {on_one_line(text)}"
            yield from (f"  {at}. {on_one_line(each)}" for at, each in enumerate(options, 1))
            yield f"  → runfold answer {call}{_shown(digest)} 'TEXT'"
        case Approval():
            yield f"! {on_one_line(block.text)}  (risk level {block.risk_level})"
            yield from (f"  {name} = {on_one_line(value)}" for name, value in block.arguments)
            if block.needed > 1:
                yield f"  approved by {len(block.approved_by)} of {block.needed}"
            yield f"  → runfold approve {block.call_id}{_shown(block.digest)}"
            yield f"  → runfold deny {block.call_id}{_shown(block.digest)} --reason 'WHY'"
        case Artifact(ref=ref, title=title):
            yield f"{on_one_line(title)}: {on_one_line(ref)}"
        case HandOff(to=to, why=why):
            yield f"{on_one_line(why)} can be had by {to}"


def _shown(digest: str) -> str:
    return f" --digest {digest[:_DIGITS]}" if digest else ""


def _table(block: Grid) -> Iterator[str]:
    rows = [
        tuple(on_one_line(cell)[:_CELL] for cell in row) for row in (block.columns, *block.rows)
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(len(block.columns))]
    yield f"{on_one_line(block.title)}:"
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()
    if block.more:
        yield f"  … {block.more} more"
