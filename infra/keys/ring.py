"""The data keys of a process: those on the log, unwrapped when first needed, kept in memory."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from runfold.events.definitions.tenancy.tenants import WrappedKey
from runfold.events.errors import KeysUnavailableError, ShutError
from runfold.events.sealing.keys import Gone
from runfold.infra.keys.data_key import KEY_BYTES, AesDataKey
from runfold.infra.keys.port import KeyLostError, KeyStore

_log = logging.getLogger(__name__)

_MOST = 10_000
_LOST_S = 30.0
"""How long a key that is lost is not asked for again."""

_UNKNOWN = 1_000


class WrappedKeys(Protocol):
    """The keys as the log has them; ``Definitions`` are."""

    @property
    def seals(self) -> bool:
        """Whether there is a key of any tenant."""
        ...

    def sealing_key(self, tenant: str, data_class: str = "") -> WrappedKey | None:
        """Return the newest key of a tenant for a class."""
        ...

    def key(self, key_id: bytes) -> WrappedKey | None:
        """Return a key by its id; one that was erased says so."""
        ...


class KeyRing:
    """``Keys`` over a key store; at most 10,000 unwrapped keys are in memory, the last used.

    Until ``follow`` says where the keys are read, it knows none. Without a store it can tell that a
    tenant is sealed, and then nothing of that tenant can be written or read.
    """

    def __init__(self, store: KeyStore | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._source: Callable[[], WrappedKeys] | None = None
        self._refresh: Callable[[], object] = lambda: None
        self._begin: Callable[[KeyRing], None] | None = None
        self._beginning = threading.Lock()
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, AesDataKey] = OrderedDict()
        self._lost: dict[bytes, tuple[float, str]] = {}
        self._unknown: OrderedDict[bytes, None] = OrderedDict()
        self.unavailable = ""
        """Why the last key that was needed could not be had, in words; empty where it could."""

    def follow(self, source: Callable[[], WrappedKeys], refresh: Callable[[], object]) -> None:
        """Say where the wrapped keys are, and how to read what is published now.

        ``refresh`` raises KeysUnavailableError where that cannot be read.
        """
        self._source, self._refresh = source, refresh

    def follow_when_needed(self, begin: Callable[[KeyRing], None]) -> None:
        """Have ``begin`` call ``follow`` as soon as a key is asked for, and not before.

        It raises KeysUnavailableError where the log cannot be read.
        """
        self._begin = begin

    @property
    def any(self) -> bool:
        """Whether any tenant's contents are sealed; without a store, as far as was read."""
        if self._source is None and self._store is None:
            return False
        known = self._known()
        return known is not None and known.seals

    def current(self, tenant: str, data_class: str = "") -> AesDataKey | None:
        """Return what a tenant's contents of a class are sealed with now."""
        known = self._known()
        wrapped = known.sealing_key(tenant, data_class) if known is not None else None
        if wrapped is None:
            return None
        found = self._unwrapped(wrapped)
        if found is Gone.ERASED:
            raise ShutError(
                "erased",
                f"tenant {tenant} was erased and has no new key: `runfold tenant seal {tenant}`",
            )
        if isinstance(found, Gone):
            raise ShutError("key_lost", self._why_lost(wrapped.id))
        return found

    def find(self, key_id: bytes) -> AesDataKey | Gone | None:
        """Return a key by its id; one that nobody knows is looked for on the log first."""
        known = self._known()
        if known is None or key_id in self._unknown:
            return None
        wrapped = known.key(key_id)
        if wrapped is None:
            self._refresh()
            known = self._known()
            wrapped = known.key(key_id) if known is not None else None
        if wrapped is None:
            with self._lock:
                self._unknown[key_id] = None
                if len(self._unknown) > _UNKNOWN:
                    self._unknown.popitem(last=False)
            return None
        return self._unwrapped(wrapped)

    def owner(self, key_id: bytes) -> str | None:
        """Return whose key an id names, None for one that was not read yet."""
        known = self._known()
        wrapped = known.key(key_id) if known is not None else None
        return None if wrapped is None else wrapped.tenant

    def _known(self) -> WrappedKeys | None:
        if self._source is None and self._begin is not None:
            with self._beginning:
                if self._source is None:
                    self._begin(self)
        return None if self._source is None else self._source()

    def _unwrapped(self, wrapped: WrappedKey) -> AesDataKey | Gone:
        if wrapped.erased:
            self.unavailable = ""
            self._kept.pop(wrapped.id, None)
            return Gone.ERASED
        kept = self._kept.get(wrapped.id)
        if kept is not None:
            return kept
        with self._lock:
            # Another thread may have had it unwrapped meanwhile.
            kept = self._kept.get(wrapped.id) or self._noted(wrapped)
            if kept is not None:
                self._kept[wrapped.id] = kept
                if len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
        return Gone.LOST if kept is None else kept

    def _noted(self, wrapped: WrappedKey) -> AesDataKey | None:
        try:
            found = self._asked(wrapped)
        except KeysUnavailableError as error:
            self.unavailable = str(error)
            raise
        self.unavailable = ""
        return found

    def _asked(self, wrapped: WrappedKey) -> AesDataKey | None:
        if self._store is None:
            raise KeysUnavailableError(
                f"the contents of tenant {wrapped.tenant} are sealed, and this process has no "
                "keys: set RUNFOLD_KEYS as the other processes have it."
            )
        lost = self._lost.get(wrapped.id)
        if lost is not None and self._clock() < lost[0]:
            return None
        try:
            key = self._store.unwrap(wrapped.wrapped_by, wrapped.wrapped)
            if len(key) != KEY_BYTES:
                raise KeyLostError("what the store unwraps is no key of 32 bytes")
        except KeyLostError as error:
            _log.error("a key of tenant %s is lost: %s", wrapped.tenant, error)
            self._lost[wrapped.id] = (self._clock() + _LOST_S, str(error))
            return None
        self._lost.pop(wrapped.id, None)
        return AesDataKey(wrapped.id, wrapped.tenant, key, wrapped.data_class)

    def _why_lost(self, key_id: bytes) -> str:
        return self._lost.get(key_id, (0.0, "the key is lost"))[1]


class ShutRing(KeyRing):
    """``Keys`` of a process that has no key store, shows what it reads, and writes for tenants.

    What is sealed stays shut, and nothing of a sealed tenant is written: without its key that would
    be in plain.
    """

    def __init__(self) -> None:
        super().__init__(None)

    @property
    def any(self) -> bool:
        """Whether any tenant's contents are sealed; the log is read for it."""
        known = self._known()
        return known is not None and known.seals

    def find(self, key_id: bytes) -> Gone:  # noqa: ARG002 - the port's signature
        """Return that the key cannot be had."""
        return Gone.LOST


class NoKeys:
    """``Keys`` of a reader who has none: whatever is sealed stays shut."""

    any = False

    def current(self, tenant: str, data_class: str = "") -> None:  # noqa: ARG002 - the port's signature
        """Return that nothing is sealed here."""
        return

    def find(self, key_id: bytes) -> Gone:  # noqa: ARG002 - the port's signature
        """Return that the key cannot be had."""
        return Gone.LOST

    def owner(self, key_id: bytes) -> None:  # noqa: ARG002 - the port's signature
        """Return that nobody can tell."""
        return


class AbsentKeys:
    """The key store of a process that was given none: it has no key of anybody."""

    def wrap(self, name: str, data_key: bytes) -> bytes:  # noqa: ARG002 - the port's signature
        """Raise KeysUnavailableError."""
        raise KeysUnavailableError("RUNFOLD_KEYS is not set")

    def unwrap(self, name: str, wrapped: bytes) -> bytes:  # noqa: ARG002 - the port's signature
        """Raise KeyLostError."""
        raise KeyLostError(f"no key {name} here: RUNFOLD_KEYS is not set")

    def rotate(self, name: str) -> None:
        """Do nothing."""

    def destroy(self, name: str) -> None:
        """Do nothing."""
