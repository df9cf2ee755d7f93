"""Whether a request came from Slack or Teams: over its raw bytes, within a window of time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

WINDOW_S = 300
"""How far the time of a request may be from ours."""


class UnsignedError(Exception):
    """A request that nobody vouches for; the text is for the log, and holds nothing of it."""


def need_slack(body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> None:
    """Raise UnsignedError for a request that is not signed by Slack (v0), or not now.

    ``headers`` have their names in lower case.
    """
    said = headers.get("x-slack-request-timestamp", "")
    if not secret:
        raise UnsignedError("there is no signing secret")
    if not (said.isascii() and said.isdecimal() and len(said) <= 12):
        raise UnsignedError("there is no time")
    made = hmac.new(secret.encode(), b"v0:" + said.encode() + b":" + body, hashlib.sha256)
    given = headers.get("x-slack-signature", "")
    if not hmac.compare_digest(f"v0={made.hexdigest()}".encode(), given.encode()):
        raise UnsignedError("the signature is another one")
    if abs(now.timestamp() - int(said)) > WINDOW_S:
        raise UnsignedError("its time is not now")


def need_teams(body: bytes, headers: Mapping[str, str], secret: str) -> None:
    """Raise UnsignedError for a request that is not signed by an outgoing webhook of Teams.

    ``secret`` is the security token in base64, as Teams shows it. It signs the body alone: the
    body says when it was made, and the caller must look.
    """
    try:
        key = base64.b64decode(secret, validate=True)
    except (ValueError, binascii.Error):
        raise UnsignedError("the security token is no base64") from None
    if not key:
        raise UnsignedError("there is no security token")
    made = base64.b64encode(hmac.new(key, body, hashlib.sha256).digest())
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.upper() != "HMAC" or not hmac.compare_digest(made, given.strip().encode()):
        raise UnsignedError("the signature is another one")


def need_now(said: str, now: datetime) -> None:
    """Raise UnsignedError where a moment that was signed is not now."""
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise UnsignedError("there is no time") from None
    if moment.tzinfo is None or abs((now - moment).total_seconds()) > WINDOW_S:
        raise UnsignedError("its time is not now")
