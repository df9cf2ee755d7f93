"""An issuer's keys, kept: fresh for minutes, old ones for as long as its server is away, bounded.

A look at the server is made by a thread of its own, one at a time, and no request waits longer for
it than some seconds: a server that stalls holds up nobody who needs other keys. Looks are at least
a minute apart once there are keys; before the first they follow each other after 1, 2, 4 … 60 s.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

from runfold.infra.credentials.bearer.errors import (
    UNTRUSTED,
    KeysAwayError,
    KeysFaultError,
    TokenRefusedError,
)
from runfold.infra.credentials.bearer.issuers import Issuer
from runfold.infra.credentials.bearer.key_set import Key, KeySet, key_set_of
from runfold.infra.metrics.table import TABLE

APART_S: Final = 60.0
"""The least seconds between two looks, once there are keys."""

WAIT_S: Final = 5.0
"""The longest that a request waits for a look."""

FETCHES = TABLE.counter(
    "runfold_http_issuer_looks",
    "looks at the keys of an issuer of tokens, by what came of them: ok or failed",
    ["outcome"],
    process="gateway",
)

_log = logging.getLogger("runfold.gateway")


@dataclass(frozen=True, slots=True)
class _Held:
    keys: KeySet
    at: float


class KeyCache:
    """The keys of one issuer; any thread and any loop may ask.

    ``fetch`` returns what the issuer publishes, parsed, and blocks; it raises KeysFaultError.
    """

    def __init__(
        self,
        issuer: Issuer,
        fetch: Callable[[Issuer], Any],
        *,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._elapsed = elapsed
        self._held: _Held | None = None
        self._looked_at = -APART_S
        self._failed = 0
        self._under_way: Future[None] | None = None
        self._lock = threading.Lock()

    async def find(self, kid: str | None, algorithm: str) -> Key:
        """Return the key that a token names.

        Raises TokenRefusedError where the issuer has no such key, KeysAwayError where its keys are
        not known now.
        """
        held = self._current()
        key = held.keys.find(kid, algorithm) if held else None
        if held is not None and key is not None:
            if self._elapsed() - held.at > self._issuer.fresh_s:
                self._look()
            return key
        if (look := self._look()) is not None:
            try:
                await asyncio.wait_for(asyncio.wrap_future(_shared(look)), WAIT_S)
            except TimeoutError:
                raise self._away() from None
        held = self._current()
        if held is None:
            raise self._away()
        key = held.keys.find(kid, algorithm)
        if key is None:
            raise self._unknown(kid)
        return key

    def _current(self) -> _Held | None:
        """Return the keys, None where there are none or they are too old."""
        held = self._held
        if held is None or self._elapsed() - held.at > self._issuer.stale_s:
            return None
        return held

    def _look(self) -> Future[None] | None:
        """Return the look that is under way, a new one where it may begin now, else None."""
        with self._lock:
            if self._under_way is not None:
                return self._under_way
            if self._next_in() > 0:
                return None
            self._looked_at = self._elapsed()
            self._under_way = under_way = Future[None]()
        name = f"keys-{self._issuer.name}"
        threading.Thread(target=self._work, args=(under_way,), name=name, daemon=True).start()
        return under_way

    def _next_in(self) -> float:
        """Return the seconds until the server may be asked again."""
        apart = APART_S if self._current() else min(APART_S, 2.0 ** max(0, self._failed - 1))
        if not self._failed and self._held is None:
            apart = 0.0
        return apart - (self._elapsed() - self._looked_at)

    def _work(self, under_way: Future[None]) -> None:
        try:
            found = key_set_of(self._fetch(self._issuer))
        except Exception as error:  # noqa: BLE001 - whatever a stranger's server leads to
            self._failed = min(self._failed + 1, 16)
            FETCHES("failed").inc()
            why = str(error) if isinstance(error, KeysFaultError) else type(error).__name__
            _log.warning("the keys of the issuer %s stay as they are: %s", self._issuer.name, why)
        else:
            self._take(found)
        with self._lock:
            self._under_way = None
        under_way.set_result(None)

    def _take(self, found: KeySet) -> None:
        before = self._held.keys.keys.keys() if self._held else set()
        self._held, self._failed = _Held(found, self._elapsed()), 0
        FETCHES("ok").inc()
        if found.keys.keys() != before or not found.keys:
            _log.log(
                logging.INFO if found.keys else logging.WARNING,
                "the issuer %s has %d keys that can be used, and %d that cannot",
                self._issuer.name, len(found.keys), found.left_out,
            )  # fmt: skip

    def _away(self) -> KeysAwayError:
        again = max(1, round(self._next_in()))
        return KeysAwayError(
            f"The keys of the issuer {self._issuer.name} are not known now: its server does not "
            "answer as it should. Try again later.",
            again,
        )

    def _unknown(self, kid: str | None) -> TokenRefusedError:
        which = "names no key, and more than one could be meant" if kid is None else (
            "was signed with a key that its issuer does not publish for this algorithm"
        )  # fmt: skip
        again = max(1, round(self._next_in()))
        return TokenRefusedError(
            UNTRUSTED,
            f"The token {which}. The issuer's keys are looked at again in {again} s.",
            again,
        )


def _shared(look: Future[None]) -> Future[None]:
    """Return a future that ends with a look, and whose cancellation does not end the look."""
    own = Future[None]()

    def ended(_look: Future[None]) -> None:
        if own.set_running_or_notify_cancel():
            own.set_result(None)

    look.add_done_callback(ended)
    return own
