"""From records to items: what was read off the log, decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import overload

from runfold.events.avro.codec import Codec
from runfold.events.definitions import StoreRecord
from runfold.events.errors import WireError
from runfold.events.records.operations import DeadLetter
from runfold.events.run import Event
from runfold.events.tenant import TenantEvent
from runfold.producers.log.tail import RawRecord, time_of
from runfold.projections.store.reading.record_batch import Item
from runfold.projections.view import OfTenant, Placed, PlacedDeadLetter, Stored, Unreadable

Found = tuple[RawRecord, str, int, int]
"""A record with its topic, partition and offset."""


def items_of(records: Iterable[Found], codec: Codec) -> list[Item]:
    """Return what records say, without those that belong to nothing.

    Raises RegistryError where a schema registry does not answer.
    """
    items: list[Item] = []
    for message, topic, partition, offset in records:
        value = message.value() or b""
        try:
            body = codec.decode(topic, value)
        except WireError as error:
            at = time_of(message)
            key = _key(message)
            items.append(Unreadable(error, topic, partition, offset, at, key, value))
            continue
        if isinstance(body, Event):
            digest = hashlib.sha256(value).hexdigest()
            items.append(Placed(body.meta, body.fact, partition, offset, digest))
        elif isinstance(body, DeadLetter):
            items.append(PlacedDeadLetter(body, partition, offset))
        elif isinstance(body, StoreRecord):
            items.append(Stored(body, partition, offset))
        elif isinstance(body, TenantEvent):
            items.append(OfTenant(body.meta, body.fact, partition, offset))
    return items


class Later(Sequence[Item]):
    """So many items, which are made again when somebody asks for one: that is seldom."""

    def __init__(self, count: int, make: Callable[[], list[Item]]) -> None:
        self._count = count
        self._make = make

    @cached_property
    def _made(self) -> list[Item]:
        return self._make()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        return self._made[index]


def _key(message: RawRecord) -> bytes | None:
    key: bytes | str | None = message.key()
    return key.encode() if isinstance(key, str) else key
