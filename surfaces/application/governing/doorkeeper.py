"""Who presents an API key: looked up, and believed for seconds. Any thread may ask."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from runfold.infra.gateway import api_key
from runfold.infra.gateway.api_key import ApiKey
from runfold.infra.gateway.key_store import Kept, KeyStore

BELIEVED_S = 5.0
"""How long a look into the store is good for: as late as this a key that is revoked lets in."""

_NOTED_S = 60.0
_MOST_REMEMBERED = 10_000
_MOST_ROTATIONS = 100

K = TypeVar("K")
V = TypeVar("V")


class Doorkeeper:
    """Says who presents a key. A look into the store is good for ``believed_s`` seconds."""

    def __init__(
        self,
        store: KeyStore,
        hash_key: bytes,
        *,
        believed_s: float = BELIEVED_S,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._hash_key = hash_key
        self._believed_s = believed_s
        self._elapsed = elapsed
        self._known: OrderedDict[bytes, tuple[float, ApiKey]] = OrderedDict()
        self._rows: OrderedDict[str, tuple[float, Kept | None]] = OrderedDict()
        self._noted: OrderedDict[tuple[str, bool], float] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, text: str, now: datetime) -> ApiKey | None:
        """Return a key that was let in a moment ago, and still is; asks nobody."""
        shown = api_key.presented(text)
        if shown is None:
            return None
        found = self._known.get(api_key.digest_of(shown, self._hash_key))
        if found is None or self._elapsed() - found[0] > self._believed_s:
            return None
        return found[1] if found[1].problem(now) == "" else None

    def was_let_in(self, text: str) -> bool:
        """Return whether a key was let in before, as far as this process remembers."""
        shown = api_key.presented(text)
        return shown is not None and api_key.digest_of(shown, self._hash_key) in self._known

    def let_in(self, text: str, now: datetime, *, spare: bool = False) -> ApiKey | None:
        """Return the key that was presented, None where it lets nobody in; asks the store.

        With ``spare`` a look of some seconds ago is good enough, also one that found no key: who
        tries secrets of one key again and again then costs the store next to nothing, and whoever
        has the right one is let in all the same.
        """
        shown = api_key.presented(text)
        if shown is None:
            return None
        at, kept = self._row(shown.key_id, spare=spare)
        if kept is None:
            return None
        right = api_key.fits(shown, self._hash_key, kept.digest) and kept.key.problem(now) == ""
        if self._is_to_note(shown.key_id, used=right):
            (self._store.used if right else self._store.refused)([shown.key_id], now)
        if not right:
            return None
        with self._lock:
            # As of the look: what is believed is not older than a look may be.
            _remember(self._known, kept.digest, (at, kept.key))
        return kept.key

    def in_force(self, key_id: str, now: datetime) -> ApiKey | None:
        """Return the key of an id, or the one that came in its place by rotation, as it is now.

        None where neither lets in any more: what a key set in motion ends with it. Asks the store.
        """
        for _ in range(_MOST_ROTATIONS):
            kept = self._store.get(key_id)
            if kept is None:
                return None
            match kept.key.problem(now):
                case "":
                    return kept.key
                case "expired" if kept.key.rotated_to is not None:
                    key_id = kept.key.rotated_to
                case _:
                    return None
        return None

    def _row(self, key_id: str, *, spare: bool) -> tuple[float, Kept | None]:
        """Return what the store has of a key, and as of when."""
        if spare:
            found = self._rows.get(key_id)
            if found is not None and self._elapsed() - found[0] <= self._believed_s:
                return found
        at = self._elapsed()
        kept = self._store.get(key_id)
        if spare:
            with self._lock:
                _remember(self._rows, key_id, (at, kept))
        return at, kept

    def _is_to_note(self, key_id: str, *, used: bool) -> bool:
        """Return whether it is a minute ago that this was noted of a key, and note that it is."""
        with self._lock:
            noted = self._noted.get((key_id, used))
            if noted is not None and self._elapsed() - noted <= _NOTED_S:
                return False
            _remember(self._noted, (key_id, used), self._elapsed())
            return True


def _remember(held: OrderedDict[K, V], key: K, value: V) -> None:
    """Hold something as the newest; the oldest makes room for it."""
    held[key] = value
    held.move_to_end(key)
    while len(held) > _MOST_REMEMBERED:
        held.popitem(last=False)
