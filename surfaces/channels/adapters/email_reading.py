"""Replies by e-mail: which run they are to, and what of them the sender wrote.

The header of a reply is believed only with our mark, and says nothing of who sent it. So a reply
says something to its run, and decides nothing: what decides is a signed token, on a line of its own
above everything quoted.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import default
from hmac import compare_digest
from typing import Any

from runfold.surfaces.channels.inbound.intents import Heard, Inbound, Sender, Tell, Unclear
from runfold.surfaces.channels.links import MARK, mark_of

ABOVE = "-- Write above this line. --"

BY_LINK = Unclear("A reply decides nothing: follow the link in the message. Nothing was decided.")
_NO_RUN = Unclear("This is no reply to a message of a run.")

_OURS = re.compile(
    r"<([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.(\d{1,12})\.([0-9a-f]{16})@"
)
_QUOTED = (
    re.compile(r"^\s*>"),
    re.compile(r"^\s*-{2,}\s*(?:original message|forwarded message|write above)", re.IGNORECASE),
    # Who wrote what is quoted, in the languages in which mail programs say it most often.
    re.compile(
        r"^\s*(?:on|am|le|el|il|op|em)\b(?=.{0,300}(?:\d{4}|@)).{0,300}\b"
        r"(?:wrote|schrieb|écrit|escribió|scritto|schreef|escreveu)\b.{0,200}:\s*$",
        re.IGNORECASE,
    ),
    re.compile(r"^\s*(?:from|von|de|da|van)\s*:\s.{0,300}@", re.IGNORECASE),
    re.compile(r"^_{10,}\s*$"),
)  # fmt: skip
_DECIDES = re.compile(
    r"(?:(?:yes|ok(?:ay)?|sure|please)[,.! ]*)*"
    r"(?:approved?|den(?:y|ied)|reject(?:ed)?|confirm(?:ed)?|yes|no|ok(?:ay)?|go ahead|lgtm)[.! ]*"
    r"(?:it|this|that|please|thanks|thank you|[.,! ])*",
    re.IGNORECASE,
)
_LONGEST = 100_000
_MOST_LINES = 2_000
_SHORT = 100


def heard(inbound: Inbound, key: bytes) -> Heard:
    """Return what a reply says, and to which run; without a key every reply is unclear."""
    try:
        message = message_from_bytes(inbound.body, policy=default)
        assert isinstance(message, EmailMessage)
        references = " ".join(
            str(value)
            for name in ("In-Reply-To", "References")
            for value in message.get_all(name, [])
        )
        sender = Sender(user=_address(message), once=str(message.get("Message-ID", ""))[:500])
        own = unquoted(_plain(message))
    except (MessageError, LookupError, ValueError, AssertionError, TypeError, AttributeError):
        # The parser of the standard library raises these for what is broken enough.
        return Heard(_NO_RUN)
    run_id = _run_of(references, key)
    if run_id is None:
        return Heard(_NO_RUN, sender)
    if not own:
        return Heard(Unclear("Nothing stands above the quoted text."), sender)
    if MARK in own or (len(own) <= _SHORT and _DECIDES.fullmatch(own)):
        return Heard(BY_LINK, sender)
    return Heard(Tell(run_id, own[:_LONGEST]), sender)


def unquoted(text: str) -> str:
    """Return what the sender wrote: everything above the first line that is quoted."""
    kept: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n")[:_MOST_LINES]:
        if any(each.search(line[:1_000]) for each in _QUOTED):
            break
        if line.rstrip() == "--":
            break
        kept.append(line)
    return "\n".join(kept).strip()


def _run_of(references: str, key: bytes) -> str | None:
    for run_id, seq, mark in _OURS.findall(references[:20_000]):
        if key and compare_digest(mark_of(key, f"{run_id}.{seq}"), mark):
            return str(run_id)
    return None


def _plain(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain",))
    if part is None:
        # HTML alone is not read: what is quoted in it cannot be told from what is not.
        return ""
    data = part.get_payload(decode=True)
    held = data if isinstance(data, bytes) else b""
    return held[: _LONGEST * 4].decode(part.get_content_charset() or "utf-8", "replace")


def _address(message: EmailMessage) -> str:
    found = message.get("From")
    addresses: tuple[Any, ...] = getattr(found, "addresses", ())
    return str(addresses[0].addr_spec)[:320] if len(addresses) == 1 else ""
