"""For speech: a few sentences, one clear question, and the offer of the rest elsewhere [191]."""

from __future__ import annotations

import re
from typing import Any

from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.channels.actions import ANSWER, APPROVE, DENY, decides
from runfold.surfaces.channels.adapters.spoken import is_speakable, spoken, ssml
from runfold.surfaces.channels.composing.shortening import shorten
from runfold.surfaces.channels.composing.telling import IN_VAIN
from runfold.surfaces.channels.document import (
    Approval,
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
from runfold.surfaces.channels.port import Payload

_SENTENCES, _CHARACTERS, _ASKED = 6, 600, 240
_MOST_ARGUMENTS = 3
_YES = re.compile(r"(?:yes|yes please|yes approve it|approve|approve it|confirm)[.!]?")
_NO = re.compile(r"(?:no|no thank you|no thanks|deny|deny it|reject|do not|don't)[.!]?")
_WAYS = {
    "cli": "to your terminal",
    "desktop": "to your desktop",
    "ide": "to your editor",
    "mobile": "to your phone",
    "slack": "on Slack",
    "teams": "on Teams",
    "tui": "to your terminal",
    "web": "to your browser",
    "browser_extension": "to your browser",
}
_ASK_AGAIN = Unclear("Please say yes or no.")


class Voice:
    """JSON with a text to speak, the same as SSML, and what an answer would decide."""

    name = "voice"

    def render(self, document: Document) -> Payload:
        """Return what is spoken; of what is asked, one thing, as the last of it."""
        told, asked = _told(document), _asked(document)
        least = len(asked["text"]) if asked else 0
        room = shorten(" ".join(told), _SENTENCES, max(_CHARACTERS - least, 120)).text
        sentences = [each for each in (room, asked["text"] if asked else "") if each]
        offer = next((b for b in document.of(HandOff) if isinstance(b, HandOff)), None)
        if offer and not asked:
            sentences.append(f"Shall I send {offer.why} {_sent(offer.to)}?")
        said = {
            "version": 1,
            "run_id": document.run_id,
            "seq": document.seq,
            "text": " ".join(sentences),
            "ssml": ssml(sentences),
            "expects": asked["expects"] if asked else None,
            "hand_off": offer.to if offer else None,
            "ends": document.ended and offer is None,
        }
        return Payload(self.name, "application/json", to_json(said))

    def read(self, inbound: Inbound) -> Heard:
        """Read ``{transcript, expects}``, where ``expects`` is that of what was spoken last.

        Only a plain yes or no decides: what was half heard is asked again.
        """
        found = json_object(inbound.body)
        heard = word(found, "transcript").strip()
        kind = word(found, "expects", "kind")
        if not heard:
            return Heard(Unclear("Nothing was heard."))
        plainly = " ".join(heard.lower().replace(",", " ").split())
        if kind == "approval":
            if _YES.fullmatch(plainly):
                return Heard(pressed(word(found, "expects", APPROVE)))
            if _NO.fullmatch(plainly):
                return Heard(pressed(word(found, "expects", DENY), "denied by voice"))
            return Heard(_ASK_AGAIN)
        if kind == "question":
            return Heard(pressed(word(found, "expects", ANSWER), heard))
        return Heard(Ask(heard, word(found, "agent")))


def _told(document: Document) -> list[str]:
    """Return what is told, sentence by sentence; the offer and the question come after it."""
    found: list[str] = []
    texts = document.of(Text)
    result = [b.text for b in texts if isinstance(b, Text) and b.said is Said.RESULT]
    for block in document.blocks:
        match block:
            # A question says by itself that the run waits, a result that it is done.
            case Text(said=Said.STATUS) if document.of(Approval, Question):
                pass
            case Text(said=Said.STATUS) if result and document.status not in IN_VAIN:
                pass
            case Text(text=text):
                found.append(_sentence(spoken(text)))
            case Items(said=said, title=title, items=items, more=more):
                # How much else was said before is nothing to be told.
                counted = more and said not in {Said.BEFORE, Said.NEW}
                more_said = f", and {more} more" if counted else ""
                found.append(_sentence(spoken(f"{title}: {'; '.join(items)}{more_said}")))
            case Progress(done=done, total=total) if total:
                found.append(f"{done} of {total} steps are done.")
            case _:
                pass
    return [each for each in found if each]


def _asked(document: Document) -> dict[str, Any] | None:
    for block in document.of(Approval, Question):
        if isinstance(block, Approval):
            named = [f"{name} {value}" for name, value in block.arguments[:_MOST_ARGUMENTS]]
            tool = spoken(block.tool.replace(".", " "))
            what = spoken(f"{tool}{', with ' if named else ''}{_listed(named)}")
            text = f"May I run {shorten(what, 1, _ASKED).text}? Please say yes or no."
            expects = {
                "kind": "approval",
                APPROVE: str(decides(APPROVE, block)),
                DENY: str(decides(DENY, block)),
            }
            # What cannot be said whole must not be decided by ear.
            hidden = len(block.arguments) > _MOST_ARGUMENTS or len(what) > _ASKED
            hidden = hidden or not all(is_speakable(value) for _, value in block.arguments)
            if hidden or block.risk_level >= 3:
                text = f"{tool} waits for your approval. Please look at it on a screen."
                return {"text": text, "expects": None}
            return {"text": text, "expects": expects}
        assert isinstance(block, Question)
        options = f" You can say {' or '.join(spoken(o) for o in block.options)}." * bool(
            block.options
        )
        said = shorten(spoken(block.text), 2, _ASKED).text
        expects = {"kind": "question", ANSWER: str(decides(ANSWER, block))}
        return {"text": f"{_sentence(said)}{options}", "expects": expects}
    return None


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _sent(to: str) -> str:
    """Return how something is sent to a channel, as people say it."""
    return _WAYS.get(to, f"by {spoken(to)}")


def _sentence(text: str) -> str:
    text = f"{text[:1].upper()}{text[1:]}"
    return text if not text or text[-1] in ".!?…" else f"{text}."
