"""Tenants' keys: contents are sealed from a first key on, a next one follows, all are destroyed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from uuid import uuid4

from runfold.events import topics
from runfold.events.definitions import TenantErased, TenantHeld, TenantKept, TenantKeyMade
from runfold.events.definitions.tenancy.tenants import KeptOfTenants, WrappedKey
from runfold.events.errors import KeysUnavailableError
from runfold.events.sealing.form import key_name
from runfold.events.values import DataClassification
from runfold.infra.keys.data_key import new_key
from runfold.infra.keys.port import KeyLostError, KeyStore, KeyStoreDeniedError
from runfold.producers.log.port import LogReader, LogWriter
from runfold.surfaces.application.errors import InvalidError, UnavailableError
from runfold.surfaces.application.governing.definitions import Who, read_definitions

CLASSES = tuple(each.value for each in DataClassification if each.value != "unknown")
"""The data classifications that a key can be for."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done: the names of the destroyed data keys, and of the new one.

    ``left`` says why the key store may still hold what wrapped them, in a sentence, or nothing.
    """

    keys: tuple[str, ...]
    new: str
    left: str


def generation_of(known: KeptOfTenants, tenant: str) -> int:
    """Return the number of the newest key that wraps a tenant's data keys, 0 where none does."""
    names = {name for each in known.erasures(tenant) for name in each.wrapped_by}
    names |= {each.wrapped_by for each in known.keys_of(tenant)}
    return max((int(name.partition("-")[0]) for name in names), default=0)


def superseded(known: KeptOfTenants, tenant: str) -> list[tuple[WrappedKey, datetime]]:
    """Return the data keys that another one of their class has followed, and since when."""
    by_class: dict[str, list[WrappedKey]] = {}
    for each in known.keys_of(tenant):
        by_class.setdefault(each.data_class, []).append(each)
    return [(key, after.made_at) for keys in by_class.values() for key, after in pairwise(keys)]


def _place(tenant: str, name: str) -> str:
    return f"tenant-key/{tenant}/{name}"


@dataclass(frozen=True, slots=True)
class Keeping:
    """Keeps a tenant's keys and holds, in somebody's name and for a reason on record.

    ``store`` is where the keys are that wrap; None where this process was given none.
    """

    reader: LogReader
    writer: LogWriter
    who: Who
    store: KeyStore | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def known(self) -> KeptOfTenants:
        """Return what the log says of tenants' keys and holds now."""
        return read_definitions(self.reader).tenants

    def seal(self, tenant: str, data_class: str = "") -> str:
        """Give a tenant a new data key, which seals its contents from now on; return its name.

        With a class it seals those of runs of that data classification. Raises InvalidError.
        """
        if not tenant.strip():
            raise InvalidError("Say which tenant.")
        if data_class and data_class not in CLASSES:
            raise InvalidError(f"There is no class {data_class}: say {', '.join(CLASSES)}.")
        known = self.known()
        if data_class and known.sealing_key(tenant) is None:
            raise InvalidError(
                f"Tenant {tenant} is not sealed, and only some of its runs would be: "
                f"`runfold tenant seal {tenant}` first."
            )
        return self._made(known, tenant, data_class)

    def rotate(self, tenant: str) -> int:
        """Rotate the key that wraps, and wrap a tenant's data keys anew; how many they are.

        Nothing that was sealed is written again.
        """
        keys, store = self.known().keys_of(tenant), self._store()
        if not keys:
            raise InvalidError(f"Tenant {tenant} is not sealed: `runfold tenant seal {tenant}`.")
        try:
            for name in {each.wrapped_by for each in keys}:
                store.rotate(name)
            anew = [
                (each, store.wrap(each.wrapped_by, store.unwrap(each.wrapped_by, each.wrapped)))
                for each in keys
            ]
        except (KeysUnavailableError, KeyLostError) as error:
            raise UnavailableError(f"The data keys stay as they are wrapped: {error}") from error
        for each, wrapped in anew:
            self._put(tenant, each, wrapped)
        return len(anew)

    def erase(self, tenant: str) -> Erased:
        """Destroy every data key of a tenant; what comes from now on is sealed by a new one.

        The caller has seen that nothing forbids it. Where it was done before in part, the rest is
        done. The new key is there first, so that nothing is written in plain meanwhile.
        """
        known = self.known()
        new = self._made(known, tenant, "")
        return self._destroy(tenant, known.keys_of(tenant), new)

    def retire(
        self,
        tenant: str,
        before: Mapping[str, datetime],
        spared: Callable[[WrappedKey, datetime], bool] = lambda _key, _until: False,
    ) -> Erased:
        """Destroy the data keys that were superseded before the moment that their class has.

        A class that is not named is kept for ever; the key in use is never destroyed, and neither
        are those that are ``spared``, which is told since when they are superseded.
        """
        known = self.known()
        old = [
            key
            for key, until in superseded(known, tenant)
            if key.data_class in before
            and until < before[key.data_class]
            and not spared(key, until)
        ]
        if not old:
            return Erased((), "", self._wrapping_destroyed(tenant))
        return self._destroy(tenant, old, "")

    def need_no_hold(self, tenant: str) -> None:
        """Raise InvalidError where a legal hold is on now."""
        hold = self.known().hold(tenant)
        if hold is not None:
            raise InvalidError(
                f"Tenant {tenant} is held by {hold.by} since {hold.at[:10]} "
                f"({hold.reason or 'no reason'}): nothing of it may be erased. "
                f"`runfold tenant hold off {tenant}` ends that."
            )

    def _destroy(self, tenant: str, keys: Sequence[WrappedKey], new: str) -> Erased:
        # Somebody may have put it on since the caller looked.
        self.need_no_hold(tenant)
        ids = tuple(key_name(each.id) for each in keys)
        record = TenantErased(
            tenant=tenant,
            key_ids=ids,
            wrapped_by=tuple(sorted({each.wrapped_by for each in keys})),
            reason=self.who.reason,
            decided_at=self.clock(),
            decided_by=self.who.user,
        )
        self._record(record, f"tenant-erased/{tenant}/{uuid4()}")
        self.writer.drop(topics.REGISTRY, [_place(tenant, name) for name in ids])
        return Erased(ids, new, self._wrapping_destroyed(tenant))

    def _wrapping_destroyed(self, tenant: str) -> str:
        """Destroy what wrapped erased keys, also what an earlier erasure left; say what is left.

        A key that still wraps another data key stays: two that were made at one moment can share
        it.
        """
        known = self.known()
        every = {name for each in known.erasures(tenant) for name in each.wrapped_by}
        used = every & {each.wrapped_by for each in known.keys_of(tenant)}
        left = [f"{name} still wraps a data key that is in use." for name in sorted(used)]
        try:
            for name in sorted(every - used):
                self._store().destroy(name)
        except (KeysUnavailableError, KeyStoreDeniedError) as error:
            left.append(str(error))
        return " ".join(left)

    def _made(self, known: KeptOfTenants, tenant: str, data_class: str) -> str:
        key_id, key = new_key()
        name, by = key_name(key_id), f"{generation_of(known, tenant) + 1}-{tenant}"
        try:
            wrapped = self._store().wrap(by, key)
        except KeysUnavailableError as error:
            raise UnavailableError(f"No key was made: {error}") from error
        made = WrappedKey(0, key_id, tenant, wrapped, by, data_class, self.clock(), erased=False)
        self._put(tenant, made, wrapped)
        return name

    def hold(self, tenant: str, *, held: bool) -> None:
        """Put a legal hold on a tenant, or take it off; raises InvalidError where it is so."""
        if not tenant.strip():
            raise InvalidError("Say which tenant.")
        if (self.known().hold(tenant) is not None) is held:
            raise InvalidError(
                f"Tenant {tenant} is held already: see `runfold tenant hold list`."
                if held
                else f"Tenant {tenant} is not held: `runfold tenant hold list` names who is."
            )
        record = TenantHeld(
            tenant=tenant,
            held=held,
            reason=self.who.reason,
            decided_at=self.clock(),
            decided_by=self.who.user,
        )
        self._record(record, f"tenant-held/{tenant}/{uuid4()}")

    def _put(self, tenant: str, key: WrappedKey, wrapped: bytes) -> None:
        name = key_name(key.id)
        made = TenantKeyMade(
            tenant=tenant,
            key_id=name,
            wrapped=wrapped,
            wrapped_by=key.wrapped_by,
            reason=self.who.reason,
            decided_at=self.clock(),
            decided_by=self.who.user,
            data_class=key.data_class,
            made_at=key.made_at,
        )
        self._record(made, _place(tenant, name))

    def _record(self, record: TenantKept, key: str) -> None:
        self.writer.publish(topics.REGISTRY, record, key)

    def _store(self) -> KeyStore:
        if self.store is None:
            raise InvalidError(
                "RUNFOLD_KEYS is not set: say where the keys of tenants are, as in "
                "RUNFOLD_KEYS=file:/var/lib/runfold-keys/keys.json, here and for every process "
                "(docs/sealing.md)."
            )
        return self.store
