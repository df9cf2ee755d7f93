"""What a notification says, for each channel."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime

from runfold.processors.delivery.notifications.store import Claimed

_TITLES = {
    "approval": "a run waits for you",
    "escalated": "a run still waits",
    "completed": "a run has completed",
    "failed": "a run has failed",
    "budget": "a limit was met",
    "alert": "an alert was raised",
}


def title_of(those: Sequence[Claimed]) -> str:
    """Return one line for one or several."""
    if len(those) == 1:
        return f"Runfold: {_TITLES.get(those[0].about, those[0].about)}"
    return f"Runfold: {len(those)} notifications"


def id_of(those: Sequence[Claimed]) -> str:
    """Return an id that is the same whenever the same ones are sent to the same subscriber."""
    text = "\0".join([*those[0].key, *(each.event_id for each in those)])
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


def lines_of(those: Sequence[Claimed], links: str) -> list[str]:
    """Return a line for each, with a link where the gateway's address is known."""
    found = []
    for each in those:
        link = f" {links}/runs/{each.run_id}" if links and each.run_id else ""
        found.append(f"{each.said}{link}")
    return found


def slack_of(those: Sequence[Claimed], links: str) -> bytes:
    """Return the body for an incoming webhook as Slack has them."""
    text = "\n".join([title_of(those), *lines_of(those, links)])
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, written)
    return json.dumps({"text": text[:30_000]}).encode()


def webhook_of(those: Sequence[Claimed], links: str) -> bytes:
    """Return the body for a webhook, in the form of Standard Webhooks."""
    data = [
        {
            "about": each.about,
            "text": each.said,
            "tenant_id": each.tenant_id,
            "run_id": each.run_id or None,
            "event_id": each.event_id,
            "time": each.occurred_at.isoformat(),
            "link": f"{links}/runs/{each.run_id}" if links and each.run_id else None,
        }
        for each in those
    ]
    said = {
        "type": "notification",
        "timestamp": those[-1].occurred_at.isoformat(),
        "data": {"notifications": data},
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def mail_of(those: Sequence[Claimed], links: str, sender: str, to: str) -> EmailMessage:
    """Return an e-mail; its ``Message-ID`` is the same whenever the same ones are sent."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, title_of(those)
    mail["Date"] = format_datetime(those[-1].occurred_at)
    mail["Message-ID"] = f"<{id_of(those)}@{sender.rpartition('@')[2].strip('>') or 'runfold'}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n\n".join(lines_of(those, links)) + "\n")
    return mail
