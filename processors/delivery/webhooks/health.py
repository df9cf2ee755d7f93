"""Since when receivers fail, on record; one that is gone or fails for days gets nothing more."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from runfold.processors.delivery.desk import Desk
from runfold.processors.delivery.rows import Key
from runfold.processors.delivery.webhooks import store
from runfold.processors.delivery.webhooks.attempt import Attempted

_NOTED_S = 600.0


class Health:
    """Judges receivers by their answers; other processes judge the same ones by others."""

    def __init__(self, desk: Desk, longest: timedelta) -> None:
        self._desk, self._longest = desk, longest
        self._failing: dict[Key, datetime] = {}
        self._well: dict[Key, float] = {}

    async def begin(self) -> None:
        """Read which receivers fail."""
        self._failing = await self._desk.call(store.failing)

    async def judge(self, key: Key, found: Attempted, now: datetime) -> tuple[str, str] | None:
        """Note an attempt; return a code and a sentence where the receiver is to be left."""
        if found.verdict == "delivered":
            await self._note_well(key, now)
            return None
        if found.verdict == "gone":
            return "gone", "the receiver answered 410 Gone"
        since = self._failing.get(key)
        if since is None or now - since > self._longest:
            # Another process may have heard better of it meanwhile.
            noted = await self._desk.call(store.receivers, [key], ok=False, at=now)
            since = self._failing[key] = noted.get(key, now)
        if now - since <= self._longest:
            return None
        hours = self._longest.total_seconds() / 3600
        return "failing", f"the receiver has failed for more than {hours:g} hours: {found.error}"

    async def _note_well(self, key: Key, now: datetime) -> None:
        noted = self._well.get(key)
        if key in self._failing or noted is None or time.monotonic() - noted > _NOTED_S:
            self._failing.pop(key, None)
            self._well[key] = time.monotonic()
            await self._desk.call(store.receivers, [key], ok=True, at=now)
