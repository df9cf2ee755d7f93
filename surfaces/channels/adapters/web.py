"""For browsers: semantic HTML, in which every text is escaped and nothing is a script."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from urllib.parse import parse_qs

from runfold.surfaces.channels.actions import ANSWER, APPROVE, DENY, Action, decides
from runfold.surfaces.channels.composing.telling import status_of
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
from runfold.surfaces.channels.inbound.intents import Ask, Heard, Inbound, Unclear
from runfold.surfaces.channels.inbound.reading import pressed
from runfold.surfaces.channels.links import Links
from runfold.surfaces.channels.port import Payload
from runfold.surfaces.words import money

_NAMES = {
    Said.STATUS: "Status",
    Said.RESULT: "Result",
    Said.BEFORE: "Already said",
    Said.NEW: "Since then",
    Said.NOTE: "Note",
}
_MOST_FIELDS = 20


class Web:
    """A fragment of HTML; forms post the action that their button stands for."""

    name = "web"

    def __init__(self, links: Links | None = None) -> None:
        self._links = links or Links()

    def render(self, document: Document) -> Payload:
        """Return one article."""
        body = "\n".join(line for each in document.blocks for line in self._lines(document, each))
        return Payload(
            self.name,
            "text/html",
            f'<article class="run" data-run="{escape(document.run_id)}" data-seq="{document.seq}" '
            f'data-status="{escape(document.status.value)}">\n'
            f"<h2>{escape(document.title)}</h2>\n{body}\n</article>\n",
        )

    def read(self, inbound: Inbound) -> Heard:
        """Read what a form of ours posts: an action with a text, or a goal."""
        try:
            fields = parse_qs(
                inbound.body.decode("utf-8"), max_num_fields=_MOST_FIELDS, strict_parsing=True
            )
        except ValueError:
            return Heard(Unclear("Send the fields of a form."))
        said = {name: values[0] for name, values in fields.items() if len(values) == 1}
        if "action" in said:
            return Heard(pressed(said["action"], said.get("text", "")))
        if said.get("goal", "").strip():
            return Heard(Ask(said["goal"].strip(), said.get("agent", "")))
        return Heard(Unclear("Send an action, or a goal."))

    def _lines(self, document: Document, block: Block) -> Iterator[str]:
        match block:
            case Text(said=said, text=text):
                role = ' role="status"' if said is Said.STATUS else ""
                parts = (escape(each).replace("\n", "<br>") for each in text.split("\n\n"))
                yield f'<section aria-label="{_NAMES[said]}"{role}>'
                yield from (f"<p>{each}</p>" for each in parts)
                yield "</section>"
            case Items(title=title, items=items, more=more):
                yield f"<section><h3>{escape(title)}</h3>\n<ul>"
                yield from (f"<li>{escape(each)}</li>" for each in items)
                yield f"</ul>{f'<p>{more} more</p>' if more else ''}</section>"
            case Grid():
                yield from _table(block)
            case Card():
                yield from _card(block)
            case Progress(done=done, total=total, text=text):
                bar = f'<progress value="{done}" max="{total}"></progress>' if total else ""
                yield f'<p aria-live="polite">{bar}{escape(text)}</p>'
            case Question():
                yield from _question(block)
            case Approval():
                yield from _approval(block)
            case Artifact(ref=ref, title=title):
                at = self._links.artifact(document.run_id, ref)
                name = f"{escape(title)} <code>{escape(ref)}</code>"
                yield f'<p><a href="{escape(at)}">{name}</a></p>' if at else f"<p>{name}</p>"
            case HandOff(to=to, why=why):
                yield f"<p>{escape(why)} can be had by {escape(to)}.</p>"


def _card(block: Card) -> Iterator[str]:
    card = block.card
    cost = card.estimated_cost_so_far
    fields = (
        ("current run", card.current_run),
        ("status", status_of(card.status)),
        ("last action", card.last_action),
        ("next proposed action", card.next_proposed_action or "none"),
        ("requires approval", "yes" if card.requires_approval else "no"),
        ("estimated cost so far", "unpriced" if cost is None else money(cost)),
    )
    yield '<dl class="card">'
    yield from (f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in fields)
    yield "</dl>"


def _table(block: Grid) -> Iterator[str]:
    yield f"<table><caption>{escape(block.title)}</caption>"
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in block.columns)
    yield f"<thead><tr>{head}</tr></thead>\n<tbody>"
    for row in block.rows:
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
    yield f"</tbody></table>{f'<p>{block.more} more</p>' if block.more else ''}"


def _approval(block: Approval) -> Iterator[str]:
    yield f'<section aria-label="Approval" data-digest="{escape(block.digest)}">'
    yield f"<h3>{escape(block.text)}</h3>\n<dl>"
    yield f"<dt>tool</dt><dd>{escape(block.tool)}, risk level {block.risk_level}</dd>"
    for name, value in block.arguments:
        yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
    if block.needed > 1:
        yield f"<dt>approved by</dt><dd>{len(block.approved_by)} of {block.needed}</dd>"
    yield "</dl>"
    # Each in a form of its own: the enter key in a field presses the first button of its form.
    yield f'<form method="post">{_button(decides(APPROVE, block), "Approve")}</form>'
    yield '<form method="post"><label>Why <input name="text" maxlength="1000"></label>'
    yield f"{_button(decides(DENY, block), 'Deny')}</form></section>"


def _question(block: Question) -> Iterator[str]:
    yield f'<section aria-label="Question">\n<h3>{escape(block.text)}</h3>'
    for at, option in enumerate(block.options):
        yield f'<form method="post">{_button(decides(ANSWER, block, at), option)}</form>'
    yield '<form method="post"><label>Answer <input name="text" maxlength="10000"></label>'
    yield f"{_button(decides(ANSWER, block), 'Answer')}</form></section>"


def _button(action: Action, name: str) -> str:
    return f'<button name="action" value="{escape(str(action))}">{escape(name)}</button>'
