"""What one process does for all: it prunes the tables, and notes which secrets are missing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg import errors

from runfold.processors.delivery import metrics
from runfold.processors.delivery.desk import Desk
from runfold.processors.delivery.matching import Matcher
from runfold.processors.delivery.rows import Key
from runfold.processors.delivery.upkeep.pruning import Keep, prune
from runfold.processors.delivery.webhooks import store
from runfold.processors.delivery.webhooks.keys import Secrets

_LOOK_S = 15.0
_PRUNE_S = 600.0

_log = logging.getLogger("runfold.delivery")


@dataclass(slots=True)
class Upkeep:
    """Works until cancelled; ``desk`` is one of its own, since deleting may take a while."""

    desk: Desk
    secrets: Secrets
    known: Callable[[], Matcher]
    keep: Keep

    async def run(self) -> None:
        """Look and prune; raises psycopg.Error where the tables cannot be used."""
        pruned_at = float("-inf")
        while True:
            await self._note_secrets()
            if time.monotonic() - pruned_at > _PRUNE_S:
                count = await self.desk.call(prune, self.keep, datetime.now(UTC))
                if count:
                    _log.info("%d rows that had ended were deleted", count)
                pruned_at = time.monotonic()
            await asyncio.sleep(_LOOK_S)

    async def _note_secrets(self) -> None:
        missing: dict[Key, list[str]] = {}
        for key, made in self.known().every_subscription():
            if key.scope:
                found = await self.secrets.missing(made.secrets, key.scope)
            else:
                # Each tenant may have others under these names: only those in use are known.
                found = self.secrets.seen_missing(made.secrets)
            if found:
                missing[key] = found
        metrics.MISSING().set(sum(map(len, missing.values())))
        # A table of an earlier release that this user may not change goes without.
        with suppress(errors.UndefinedColumn):
            await self.desk.call(store.note_secrets, missing)
