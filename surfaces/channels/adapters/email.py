"""For e-mail: text and HTML in one message, in a thread a run; decided by signed links alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape

from runfold.surfaces.channels.actions import ANSWER, APPROVE, DENY, decides
from runfold.surfaces.channels.adapters.cli import Cli
from runfold.surfaces.channels.adapters.email_reading import ABOVE, heard
from runfold.surfaces.channels.adapters.web import Web
from runfold.surfaces.channels.composing.shortening import one_line
from runfold.surfaces.channels.composing.telling import status_of
from runfold.surfaces.channels.document import Approval, Document, Question
from runfold.surfaces.channels.inbound.intents import Heard, Inbound
from runfold.surfaces.channels.links import Links, mark_of
from runfold.surfaces.channels.port import Payload

_SUBJECT = 120


@dataclass(frozen=True, slots=True)
class Envelope:
    """From whom to whom; ``domain`` is that of the ids of messages."""

    sender: str = "runfold@localhost"
    to: str = ""
    domain: str = "runfold.invalid"


class Email:
    """A message as SMTP carries it. The same document makes the same bytes."""

    name = "email"

    def __init__(self, links: Links | None = None, envelope: Envelope | None = None) -> None:
        self._links = links or Links()
        self._envelope = envelope or Envelope()

    def render(self, document: Document) -> Payload:
        """Return a message whose id says which run it is of."""
        message = EmailMessage(policy=SMTP)
        message["From"] = _address(self._envelope.sender)
        if self._envelope.to:
            message["To"] = _address(self._envelope.to)
        # One line without controls: a header cannot be begun from within a goal.
        message["Subject"] = _header(f"[{status_of(document.status)}] {document.title}")
        root, own = self._id(document.run_id, 0), self._id(document.run_id, document.seq)
        message["Message-ID"] = own
        message["In-Reply-To"] = root
        message["References"] = root
        message["Auto-Submitted"] = "auto-generated"
        text, html = self._text(document), self._html(document)
        message.set_content(text, cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        message.set_boundary(f"runfold-{hashlib.sha256((text + html).encode()).hexdigest()[:32]}")
        return Payload(self.name, "message/rfc822", message.as_bytes().decode("ascii", "replace"))

    def read(self, inbound: Inbound) -> Heard:
        """Read a reply: what stands above the quoted text, and never a decision in words."""
        return heard(inbound, self._links.key)

    def _id(self, run_id: str, seq: int) -> str:
        mark = mark_of(self._links.key, f"{run_id}.{seq}") if self._links.key else "0"
        return f"<{run_id}.{seq}.{mark}@{self._envelope.domain}>"

    def _text(self, document: Document) -> str:
        plain = Cli().render(_without_asking(document)).body
        parts = [ABOVE, "", plain]
        for block in document.of(Approval, Question):
            assert isinstance(block, Approval | Question)
            parts.append(block.text)
            if isinstance(block, Approval):
                parts += [f"  {name} = {value}" for name, value in block.arguments]
            else:
                parts += [f"  - {each}" for each in block.options]
            parts += [f"{name}: {at}" for name, at in self._decisions(block)] or [
                "It is decided on another channel: no reply to this message decides it."
            ]
        return "\n".join(parts)

    def _html(self, document: Document) -> str:
        body = Web(self._links).render(_without_asking(document)).body
        asked = []
        for block in document.of(Approval, Question):
            assert isinstance(block, Approval | Question)
            rows = block.arguments if isinstance(block, Approval) else ()
            shown = "".join(f"<dt>{escape(n)}</dt><dd>{escape(v)}</dd>" for n, v in rows)
            links = " ".join(
                f'<a href="{escape(at)}">{name}</a>' for name, at in self._decisions(block)
            )
            asked.append(
                f"<section><h3>{escape(block.text)}</h3><dl>{shown}</dl><p>{links}</p></section>"
            )
        return f"<!doctype html><html><body>\n{body}{''.join(asked)}\n</body></html>\n"

    def _decisions(self, block: Approval | Question) -> list[tuple[str, str]]:
        kinds = (
            (("Approve", APPROVE), ("Deny", DENY))
            if isinstance(block, Approval)
            else (("Answer", ANSWER),)
        )
        found = [(name, self._links.decide(decides(kind, block))) for name, kind in kinds]
        return [(name, at) for name, at in found if at]


def _without_asking(document: Document) -> Document:
    kept = tuple(b for b in document.blocks if not isinstance(b, Approval | Question))
    return replace(document, blocks=kept)


def _header(text: str) -> str:
    return one_line(text, _SUBJECT).encode("utf-8", "replace").decode()


def _address(text: str) -> Address:
    """Return an address; raises ValueError for what is none, such as two of them."""
    if any(not each.isprintable() for each in text):
        raise ValueError("an address has no control characters")
    return Address(addr_spec=text)
