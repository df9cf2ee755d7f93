"""Whose run a record of the journal is about, learnt once a run, so that others' are not decoded.

A record says its run and its type without being decoded, and its tenant only inside.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from runfold.events.avro.headers import type_in
from runfold.producers.follow.subscription import Watch
from runfold.producers.log.port import Delivery

_MOST = 100_000


class Owners:
    """Tenants by run, the last ones that were seen; to be used by one thread, or under a lock."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: OrderedDict[bytes, str] = OrderedDict()

    def learn(self, key: bytes, tenant_id: str) -> None:
        """Note whose run it is."""
        self._known[key] = tenant_id
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def may_want(self, found: Delivery, watches: Iterable[Watch]) -> bool:
        """Return whether somebody wants a record, as far as can be said before it is decoded."""
        tenant = self._known.get(found.key or b"")
        kind = type_in(found.headers)
        if tenant is None:
            # The first record of a run that is seen is decoded for everybody.
            return True
        return any(
            watch.tenant_id == tenant and (watch.types is None or not kind or kind in watch.types)
            for watch in watches
        )
