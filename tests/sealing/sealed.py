"""A deployment in memory whose tenants are sealed, and what the tests of sealing look at."""

from __future__ import annotations

from datetime import UTC, datetime

from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.definitions import (
    Definition,
    Definitions,
    StoreRecord,
    TenantErased,
    TenantKeyMade,
)
from runfold.events.sealing.form import key_name
from runfold.events.sealing.sealing import Sealing
from runfold.infra.keys.data_key import new_key
from runfold.infra.keys.memory import MemoryKeys
from runfold.infra.keys.ring import KeyRing
from runfold.processors.definitions.record import announce, fold

AT = datetime(2026, 1, 1, tzinfo=UTC)
CANARY = "canary-7Q1Z-0xF00D"


class Registry:
    """The topic ``registry`` as a ring reads it, with one key store behind."""

    def __init__(self) -> None:
        self.store = MemoryKeys()
        self.definitions = Definitions()
        self.records: list[StoreRecord] = []
        self.ring = self.another()

    def another(self) -> KeyRing:
        """Return the ring of a process that has just begun."""
        ring = KeyRing(self.store)
        ring.follow(lambda: self.definitions.tenants, lambda: None)
        return ring

    def publish(self, record: StoreRecord) -> str:
        """Append a record and return why it was left out, if so."""
        self.records.append(record)
        self.definitions, why = fold(self.definitions, record, self.definitions.position)
        return why

    def announce(self, definition: Definition) -> None:
        """Publish a definition."""
        assert self.publish(announce(definition, "me", AT)) == ""

    def seal(self, tenant: str = "default") -> str:
        """Give a tenant a new key and return its name."""
        key_id, key = new_key()
        made = TenantKeyMade(
            tenant=tenant,
            key_id=key_name(key_id),
            wrapped=self.store.wrap(f"1-{tenant}", key),
            wrapped_by=f"1-{tenant}",
            reason="a test",
            decided_at=AT,
            decided_by="me",
        )
        assert self.publish(made) == ""
        return made.key_id

    def erase(self, *key_ids: str, tenant: str = "default") -> None:
        """Erase keys on the log; the key store is left as it is."""
        self.publish(
            TenantErased(
                tenant=tenant,
                key_ids=key_ids,
                wrapped_by=(),
                reason="a test",
                decided_at=AT,
                decided_by="me",
            )
        )

    def codec(self, *, shows: bool = False) -> Codec:
        """Return a codec that seals by this registry."""
        return Codec(LockRegistry(), sealing=Sealing(self.ring, shows=shows))
