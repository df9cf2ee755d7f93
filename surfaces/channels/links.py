"""Links into a deployment's own pages, and tokens that let one person decide one call by a link.

A token is signed, for one person, one call as it was shown, and one time span. Opening a link
decides nothing: programs that look through mail open links. The page behind it asks, and posts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from runfold.surfaces.channels.actions import Action, action_of

MARK = "rf1s."
_LONGEST = 2_000
_LEAST_KEY = 32


class TokenError(Exception):
    """A token that lets nobody decide; its text says why, and names nothing of it."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a token lets whom decide."""

    action: Action
    tenant_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Links:
    """``base`` is the address of the deployment's pages, without a slash at its end, or empty.

    Without a ``key`` of 32 bytes or more there are no links that decide.
    """

    base: str = ""
    key: bytes = b""
    tenant_id: str = ""
    user_id: str = ""
    until: datetime | None = None

    def run(self, run_id: str) -> str:
        """Return the page of a run, empty where there is none."""
        return f"{self.base}/runs/{quote(run_id)}" if self.base else ""

    def artifact(self, run_id: str, ref: str) -> str:
        """Return where an artifact of a run is, empty where that is not known."""
        return f"{self.run(run_id)}/artifacts/{quote(ref, safe='')}" if self.base else ""

    def decide(self, action: Action) -> str:
        """Return the page on which a person decides, empty where there is none."""
        if not self.base or len(self.key) < _LEAST_KEY or self.until is None:
            return ""
        return f"{self.base}/decide?{urlencode({'token': self.token(action)})}"

    def token(self, action: Action) -> str:
        """Return a token for a call as it was shown."""
        if len(self.key) < _LEAST_KEY or self.until is None:
            raise TokenError(f"a key of {_LEAST_KEY} bytes and a time are needed to sign")
        held = {
            "a": str(action),
            "t": self.tenant_id,
            "u": self.user_id,
            "e": int(self.until.timestamp()),
        }
        said = _text(json.dumps(held, sort_keys=True, separators=(",", ":")).encode())
        return f"{MARK}{said}.{_text(_mac(self.key, said))}"


def signed_by(token: str, key: bytes, now: datetime) -> Signed:
    """Return what a token lets whom decide; raises TokenError."""
    said, _, mac = token.removeprefix(MARK).partition(".")
    usable = token.startswith(MARK) and len(token) <= _LONGEST and len(key) >= _LEAST_KEY
    # Compared as bytes: a text that is not ASCII raises.
    if not usable or not hmac.compare_digest(_text(_mac(key, said)).encode(), mac.encode()):
        raise TokenError("this link was not made here, or was changed")
    held = json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
    action = action_of(held["a"])
    if action is None:
        raise TokenError("this link decides nothing")
    if now.timestamp() >= held["e"]:
        raise TokenError("this link is no longer valid: look at the run")
    return Signed(action, held["t"], held["u"])


def mark_of(key: bytes, text: str) -> str:
    """Return a short mark that only who has the key can make for a text."""
    return _mac(key, text).hex()[:16]


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, b"runfold.link/1 " + text.encode(), hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
