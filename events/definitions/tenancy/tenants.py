"""What the topic ``registry`` says of tenants beside definitions: keys, erasures, legal holds."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from runfold.events.base import Record, Timestamp
from runfold.events.definitions.store.since import last
from runfold.events.sealing.form import key_id_of


class TenantKeyMade(Record):
    """A data key that a tenant's contents are sealed with from here on, wrapped by the key store.

    ``key_id`` is base64url of 12 bytes, ``wrapped_by`` names the key in the store, which wraps
    nothing else. The same id again is the same key, wrapped anew; ``made_at`` is then when it was
    made, since compaction removes the record that said so. With a ``data_class`` it is for
    runs of that data classification, without one for those that have no key of their own.
    """

    tenant: str
    key_id: str
    wrapped: bytes
    wrapped_by: str
    reason: str
    decided_at: Timestamp
    decided_by: str
    data_class: str = ""
    made_at: Timestamp | None = None


class TenantErased(Record):
    """These keys of a tenant were destroyed: what they seal can be read by nobody any more.

    ``wrapped_by`` names the keys of the key store that are to be destroyed with them.
    """

    tenant: str
    key_ids: tuple[str, ...]
    wrapped_by: tuple[str, ...]
    reason: str
    decided_at: Timestamp
    decided_by: str


class TenantHeld(Record):
    """A legal hold: while it is on, nothing of the tenant may be erased, by whatever rule."""

    tenant: str
    held: bool
    reason: str
    decided_at: Timestamp
    decided_by: str


TenantKept = TenantKeyMade | TenantErased | TenantHeld
"""What is kept of tenants on the registry."""

TENANT_RECORDS: tuple[type[Record], ...] = (TenantKeyMade, TenantErased, TenantHeld)


class WrappedKey(NamedTuple):
    """A data key as the log has it; one that was erased has nothing in it."""

    since: int
    id: bytes
    tenant: str
    wrapped: bytes
    wrapped_by: str
    data_class: str
    made_at: datetime
    erased: bool


class Hold(NamedTuple):
    """Whether a legal hold is on from here on, why, and who decided it."""

    since: int
    held: bool
    reason: str
    by: str
    at: str


@dataclass(slots=True)
class TenantMemory:
    """What was kept, in the order of the topic; read at any position while one thread appends."""

    keys: dict[tuple[str, str], list[WrappedKey]] = field(default_factory=dict)
    """The keys that were made, of each tenant and data classification."""
    by_id: dict[bytes, list[WrappedKey]] = field(default_factory=dict)
    """What became of each key: made, wrapped anew, erased."""
    holds: dict[str, list[Hold]] = field(default_factory=dict)
    kept: list[tuple[int, TenantKept]] = field(default_factory=list)

    def keep(self, record: TenantKept, position: int) -> str:
        """Add a record that holds from a position on; return why it cannot hold, if so."""
        match record:
            case TenantKeyMade():
                key_id = key_id_of(record.key_id)
                if key_id is None or not record.wrapped:
                    return f"TenantKeyMade of {record.tenant}: it names no key"
                before = self.by_id.get(key_id)
                if before and (before[-1].tenant != record.tenant or before[-1].erased):
                    return f"TenantKeyMade of {record.tenant}: the key is taken, or erased"
                made = WrappedKey(
                    position,
                    key_id,
                    record.tenant,
                    record.wrapped,
                    record.wrapped_by,
                    record.data_class,
                    before[0].made_at if before else record.made_at or record.decided_at,
                    erased=False,
                )
                self.by_id.setdefault(key_id, []).append(made)
                if not before:
                    place = record.tenant, record.data_class
                    # One that was wrapped anew may have lost its place to compaction.
                    insort(self.keys.setdefault(place, []), made, key=_generation)
            case TenantErased():
                for name in record.key_ids:
                    self._erase(record, key_id_of(name), position)
            case TenantHeld():
                at = record.decided_at.isoformat()
                hold = Hold(position, record.held, record.reason, record.decided_by, at)
                self.holds.setdefault(record.tenant, []).append(hold)
        self.kept.append((position, record))
        return ""

    def _erase(self, record: TenantErased, key_id: bytes | None, position: int) -> None:
        if key_id is None:
            return
        history = self.by_id.setdefault(key_id, [])
        if history and history[-1].tenant != record.tenant:
            return
        # Its record may be gone from the topic already: compaction removes what is tombstoned.
        tenant, at = record.tenant, record.decided_at
        history.append(WrappedKey(position, key_id, tenant, b"", "", "", at, erased=True))

    def until(self, position: int) -> TenantMemory:
        """Return a memory of its own that holds what held at a position."""
        copy = TenantMemory()
        for since, record in self.kept:
            if since <= position:
                copy.keep(record, since)
        return copy


def _generation(key: WrappedKey) -> int:
    """Return the number that the name of the wrapping key begins with: it grows with each key."""
    number = key.wrapped_by.partition("-")[0]
    return int(number) if number.isascii() and number.isdecimal() else 0


class KeptOfTenants:
    """What holds at one position; the keys that ``KeyRing`` unwraps are asked for here."""

    __slots__ = ("_memory", "_position")

    def __init__(self, memory: TenantMemory, position: int) -> None:
        self._memory, self._position = memory, position

    @property
    def seals(self) -> bool:
        """Whether there is, or was, a key of any tenant."""
        return bool(self._memory.by_id)

    def sealing_key(self, tenant: str, data_class: str = "") -> WrappedKey | None:
        """Return what a tenant's contents of a class are sealed with, None where they are not.

        One that is erased says so.
        """
        made = self._newest(tenant, data_class)
        key = None if made is None else self.key(made.id)
        if data_class and (key is None or key.erased):
            return self.sealing_key(tenant)
        return key

    def _newest(self, tenant: str, data_class: str) -> WrappedKey | None:
        made = self._memory.keys.get((tenant, data_class), ())
        return next((each for each in reversed(made) if each.since <= self._position), None)

    def key(self, key_id: bytes) -> WrappedKey | None:
        """Return a key by its id, as it was wrapped last; None where it is not known."""
        return last(self._memory.by_id.get(key_id), self._position)

    def keys_of(self, tenant: str) -> list[WrappedKey]:
        """Return the keys of a tenant that are not erased, oldest first in each class."""
        made = [keys for (of, _), keys in self._memory.keys.copy().items() if of == tenant]
        found = [self.key(each.id) for keys in made for each in keys.copy()]
        return [each for each in found if each is not None and not each.erased]

    def hold(self, tenant: str) -> Hold | None:
        """Return the legal hold that is on for a tenant, None where none is."""
        found = last(self._memory.holds.get(tenant), self._position)
        return found if found is not None and found.held else None

    def held(self) -> list[tuple[str, Hold]]:
        """Return every hold that is on, by tenant."""
        found = [(tenant, self.hold(tenant)) for tenant in sorted(self._memory.holds.copy())]
        return [(tenant, hold) for tenant, hold in found if hold is not None]

    def sealed(self) -> list[str]:
        """Return the tenants whose contents are sealed."""
        return sorted({tenant for tenant, _ in self._memory.keys.copy()})

    def erasures(self, tenant: str) -> list[TenantErased]:
        """Return when and why a tenant was erased, oldest first."""
        return [
            record
            for since, record in self._memory.kept.copy()
            if isinstance(record, TenantErased)
            and record.tenant == tenant
            and since <= self._position
        ]
