"""What is pushed: a card of a title, a line and a link, and the headers that say how it is kept."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, Final

from runfold.events.definitions import Subscriber
from runfold.infra.http.push.encryption import MOST_TEXT
from runfold.processors.delivery.notifications import wording
from runfold.processors.delivery.notifications.store import Claimed

_LINE: Final = 1_000
_DAY_S: Final = 86_400
_KEPT_S: Final = {"alert": 4 * 3600, "completed": 3 * _DAY_S, "failed": 3 * _DAY_S}
_HIGH: Final = frozenset({"approval", "escalated", "alert"})
_LOW: Final = frozenset({"completed"})
_OF_A_RUN: Final = frozenset({"approval", "escalated", "completed", "failed"})


def card_of(those: Sequence[Claimed], links: str, *, short: bool = False) -> bytes:
    """Return the card of one or several, of at most ``MOST_TEXT`` bytes; ``short`` has no line."""
    first = those[0]
    runs = {each.run_id for each in those}
    link = f"{links}/runs/{first.run_id}" if len(runs) == 1 and first.run_id else links
    line = "" if short else _one_line(" · ".join(each.said for each in those))
    card: dict[str, Any] = {
        "title": wording.title_of(those),
        "body": line,
        "link": link,
        "tag": topic_of(those) or wording.id_of(those)[:32],
        "about": first.about if len({each.about for each in those}) == 1 else "several",
        "time": those[-1].occurred_at.isoformat(),
    }
    while len(made := _written(card)) > MOST_TEXT:
        # A character has at most 6 bytes in JSON; what is left of the line fits after a few turns.
        if card["body"]:
            card["body"] = card["body"][: len(card["body"]) // 2]
        else:
            card["link"] = ""
    return made


def headers_of(person: Subscriber, those: Sequence[Claimed]) -> dict[str, str]:
    """Return how a push service is to keep a message: for how long, how urgent, in whose place."""
    about = {each.about for each in those}
    if about & (_HIGH | set(person.urgent)):
        urgency = "high"
    else:
        urgency = "low" if about <= _LOW else "normal"
    kept = max(_KEPT_S.get(each, _DAY_S) for each in about)
    found = {"ttl": str(kept), "urgency": urgency}
    # What is sent again comes late: it must not take the place of what happened since.
    if (topic := topic_of(those)) and those[0].attempt == 1:
        found["topic"] = topic
    return found


def topic_of(those: Sequence[Claimed]) -> str:
    """Return what a newer message takes the place of: how one run stands, for one subscriber.

    Empty where nothing may be replaced: several at once, budgets and alerts. It is a digest, since
    the push service reads it.
    """
    first = those[0]
    if len(those) > 1 or not first.run_id or first.about not in _OF_A_RUN:
        return ""
    text = "\0".join([*first.key, first.tenant_id, first.run_id])
    return urlsafe_b64encode(hashlib.blake2b(text.encode(), digest_size=24).digest()).decode()


def _one_line(text: str) -> str:
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= _LINE else plain[: _LINE - 1] + "…"


def _written(card: dict[str, Any]) -> bytes:
    return json.dumps(card, ensure_ascii=False, separators=(",", ":")).encode()
