"""The definitions as delivery asks them, and how it switches a subscription off."""

from __future__ import annotations

import logging
from datetime import datetime

from runfold.events import topics
from runfold.events.definitions import SUBSCRIPTION, Subscriber, Subscription, SwitchThrown
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.keys import key_of_decision
from runfold.processors.definitions.permits import to_decide
from runfold.processors.definitions.rules import objection
from runfold.processors.delivery.matching import Matcher
from runfold.processors.delivery.notifications.news import News
from runfold.processors.delivery.rows import Key
from runfold.producers.log.port import LogWriter

_COMPLETE_S = 15.0
_BY = "runfold/delivery"

_log = logging.getLogger("runfold.delivery")


class Book:
    """Subscriptions and subscribers in force; from any thread."""

    def __init__(self, store: DefinitionFollower, log: LogWriter) -> None:
        self._store, self._log = store, log
        self._matcher = Matcher(store.current())
        self._left: set[Key] = set()

    def current(self) -> Matcher:
        """Return what was read until now."""
        known = self._store.current()
        if known.position != self._matcher.definitions.position:
            self._matcher = Matcher(known)
        return self._matcher

    def complete(self) -> Matcher:
        """Return what is published now; raises DefinitionStoreUnavailableError."""
        self._store.complete(_COMPLETE_S)
        return self.current()

    def subscription(self, key: Key) -> Subscription | None:
        """Return a subscription in force."""
        return None if key in self._left else self.current().subscription(key)

    def subscriber(self, key: Key) -> Subscriber | None:
        """Return a subscriber in force."""
        return self.current().subscriber(key)

    def switch_off(self, key: Key, why: str, now: datetime) -> News:
        """Switch a subscription off, on record, and return it as news; blocks.

        Where policies forbid it, this process leaves the subscription alone without a record, and
        says so in its log.
        """
        decided = SwitchThrown(
            kind=SUBSCRIPTION,
            name=key.name,
            tenant=key.scope or None,
            stopped=True,
            reason=why,
            decided_at=now,
            decided_by=_BY,
        )
        known = self.complete().definitions
        if not objection(known, decided):
            ruled = to_decide(known, decided, ())
            if ruled.refusal:
                _log.error("%s is left alone, and not switched off: %s", key.name, ruled.refusal)
                self._left.add(key)
            else:
                record = decided.model_copy(update={"permit": ruled.permit})
                self._log.publish(topics.REGISTRY, record, key_of_decision(record))
                self.complete()
        said = f"The webhook subscription {key.name} was switched off: {why}."
        event_id = f"disabled/{key.name}/{now.isoformat()}"
        return News(event_id, key.scope, "", "alert", said, now)
