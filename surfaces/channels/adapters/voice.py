"""For speech: a few sentences, one clear question, and the offer of the rest elsewhere [191]."""

from __future__ import annotations

import re
from typing import Any

from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.channels.actions import ANSWER, APPROVE, DENY, decides
from runfold.surfaces.channels.adapters.spoken import is_speakable, spoken, ssml
from runfold.surfaces.channels.composing.shortening import shorten
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
            sentences.append(f"Shall I send {offer.why} by {offer.to}?")
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
            # A result says by itself that the run has ended, a question that it waits.
            case Text(said=Said.STATUS) if result or document.of(Approval, Question):
                pass
            case Text(text=text):
                found.append(_sentence(spoken(text)))
            case Items(title=title, items=items, more=more):
                more_said = f", and {more} more" if more else ""
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
            what = spoken(
                f"{block.tool.replace('.', ' ')}{': ' if named else ''}{', '.join(named)}"
            )
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
                text = (
                    f"{spoken(block.tool)} waits for your approval. Please look at it on a screen."
                )
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


def _sentence(text: str) -> str:
    return text if not text or text[-1] in ".!?…" else f"{text}."
