"""What is sent to a receiver: JSON in the form of Standard Webhooks, its id, its headers."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from runfold.processors.delivery.rows import Key, Pending


def id_of(key: Key, run_id: str, seq: int) -> str:
    """Return the message's id: the same for an event and a subscription at every attempt.

    Replays have it too: whoever keeps the ids that were handled handles an event once.
    """
    text = "\0".join((*key, run_id, str(seq)))
    digest = hashlib.blake2b(text.encode(), digest_size=20).digest()
    return f"msg_{base64.b32encode(digest).decode().lower()}"


def body_of(row: Pending, links: str, event: Mapping[str, Any] | None = None) -> bytes:
    """Return the body: the same bytes at every attempt, unless the event was erased meanwhile.

    ``links`` is the address of the gateway as receivers see it, or empty for paths alone;
    ``event`` the whole event in its public form.
    """
    run = f"{links}/runs/{row.run_id}"
    data: dict[str, Any] = {
        "run_id": row.run_id,
        "seq": row.seq,
        "tenant_id": row.tenant_id,
        "status": row.status,
        "links": {"run": run, "events": f"{run}/events?after={row.seq - 1}"},
    }
    if event is not None:
        data["event"] = event
    said = {"type": row.type, "timestamp": row.occurred_at.isoformat(), "data": data}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"), default=str).encode()
