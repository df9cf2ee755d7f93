"""Sealing in a process: the keys that its settings name, and the topic that lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import SchemaRegistry
from runfold.events.errors import KeysUnavailableError
from runfold.events.sealing.sealing import Sealing
from runfold.infra.keys.chosen import key_store
from runfold.infra.keys.ring import AbsentKeys, KeyRing, NoKeys, ShutRing
from runfold.infra.process.health import Report
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.processors.definitions.source import DefinitionStoreUnavailableError

Kafka = Callable[[], Mapping[str, str | int | float]]
"""Says what every client of Kafka begins with."""

_READY_S = 30.0
_REFRESH_S = 5.0
_GROUP = "runfold-readers"


def sealing_codec(
    registry: SchemaRegistry, taken: Mapping[str, str] | None = None, *, shows: bool = False
) -> Codec:
    """Return a codec that seals and opens with the keys of ``RUNFOLD_KEYS``.

    Where they are read is said by ``following``, or by ``follow_when_needed``. Raises ConfigError.
    """
    return Codec(registry, sealing=Sealing(KeyRing(key_store(None, taken)), shows=shows))


def reading_codec(
    registry: SchemaRegistry, kafka: Kafka, taken: Mapping[str, str] | None = None
) -> Codec:
    """Return the codec of a process that shows what it reads.

    Without ``RUNFOLD_KEYS`` what is sealed reads ``(sealed)``, and no topic is read for it.
    """
    store = key_store(None, taken)
    if store is None:
        return Codec(registry, sealing=Sealing(NoKeys(), shows=True))
    return follow_when_needed(Codec(registry, sealing=Sealing(KeyRing(store), shows=True)), kafka)


def serving_codec(
    registry: SchemaRegistry, kafka: Kafka, taken: Mapping[str, str] | None = None
) -> Codec:
    """Return the codec of a process that shows what it reads, and writes for any tenant.

    Without ``RUNFOLD_KEYS`` what is sealed reads ``(sealed)``, and what it would write of a sealed
    tenant raises KeysUnavailableError: it is never written in plain.
    """
    store = key_store(None, taken)
    ring = ShutRing() if store is None else KeyRing(store)
    return follow_when_needed(Codec(registry, sealing=Sealing(ring, shows=True)), kafka)


def judging_codec(registry: SchemaRegistry, kafka: Kafka) -> Codec:
    """Return the codec of an audit, which must know what it cannot read.

    Without ``RUNFOLD_KEYS`` every sealed content counts as one whose key is lost.
    """
    store = key_store() or AbsentKeys()
    return follow_when_needed(Codec(registry, sealing=Sealing(KeyRing(store))), kafka)


def follow_when_needed(codec: Codec, kafka: Kafka) -> Codec:
    """Have a codec's keys read from the log once something is sealed, and followed from then on.

    A process that meets nothing sealed reads no topic for it.
    """
    plain = Codec(codec.registry)

    def begin(ring: KeyRing) -> None:
        store = DefinitionFollower(KafkaDefinitionLog(kafka(), plain, _GROUP))
        try:
            store.wait_ready(_READY_S)
        except DefinitionStoreUnavailableError as error:
            store.close()
            raise KeysUnavailableError(f"the keys cannot be read: {error}") from error
        _follow(ring, store)

    ring = _ring(codec.sealing)
    if ring is not None:
        ring.follow_when_needed(begin)
    return codec


def lead(sealing: Sealing, store: DefinitionFollower) -> None:
    """Have the keys read from a definition store that is followed already."""
    ring = _ring(sealing)
    if ring is not None:
        _follow(ring, store)


def told(codec: Codec) -> Report:
    """Return what says in a process's health whether it lacks keys that it needs, and why."""
    ring = _ring(codec.sealing)
    return lambda: {"unavailable": ring.unavailable if ring is not None else ""}


def _ring(sealing: Sealing | None) -> KeyRing | None:
    return sealing.keys if sealing is not None and isinstance(sealing.keys, KeyRing) else None


def _follow(ring: KeyRing, store: DefinitionFollower) -> None:
    def refresh() -> None:
        try:
            store.complete(_REFRESH_S)
        except DefinitionStoreUnavailableError as error:
            raise KeysUnavailableError(f"the keys cannot be read: {error}") from error

    ring.follow(lambda: store.current().tenants, refresh)
