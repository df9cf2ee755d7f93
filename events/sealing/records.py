"""Sealing and opening the contents of a record, by what its class says of each field.

For each class the way through its fields is found once; a class without contents has none. A place
is part of what is sealed: the tenant, the aggregate, the kind of record and the field. So a sealed
value that is copied elsewhere cannot be opened there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol, TypeVar

from runfold.events.avro.shapes import Array, Nullable, Primitive, Shape, Structure, fields_of
from runfold.events.base import Record
from runfold.events.contents.content import Content
from runfold.events.trusted import trusted

R = TypeVar("R", bound=Record)


class Hand(Protocol):
    """Does to every content of one record what is to be done: seals it, or opens it."""

    def text(self, value: str, field: bytes) -> str:
        """Return what becomes of a text."""
        ...

    def data(self, value: bytes, field: bytes) -> bytes:
        """Return what becomes of bytes."""
        ...

    def key_of(self, content: Content) -> str | None:
        """Return the ``key_id`` of what becomes of a content."""
        ...


_Way = Callable[[Any, Hand], Any]


def through(record: R, hand: Hand) -> R:
    """Return a record whose contents went through a hand; the very same where it has none."""
    way = _way_of(type(record))
    changed: R = record if way is None else way(record, hand)
    return changed


def has_contents(record: type[Record]) -> bool:
    """Whether a class has a field that may hold contents."""
    return _way_of(record) is not None


@cache
def _way_of(record: type[Record], path: str = "") -> _Way | None:
    inner = f"{path}." if path else ""
    found = [(f.name, _way(f.shape, f"{inner}{f.name}")) for f in fields_of(record)]
    ways = [(name, way) for name, way in found if way is not None]
    if not ways:
        return None

    def go(value: Record, hand: Hand) -> Record:
        fields = value.__dict__
        changes = {}
        for name, way in ways:
            old = fields[name]
            # None, an empty text and no items say nothing.
            if not old:
                continue
            new = way(old, hand)
            if new is not old:
                changes[name] = new
        return trusted(type(value))(**{**fields, **changes}) if changes else value

    return go


def _way(shape: Shape, path: str) -> _Way | None:
    match shape:
        case Primitive("string", said=True):
            field = path.encode()
            return lambda value, hand: hand.text(value, field)
        case Primitive("bytes", said=True):
            field = path.encode()
            return lambda value, hand: hand.data(value, field)
        case Nullable(inner):
            return _way(inner, path)
        case Array(item):
            return _each(_way(item, path))
        case Structure(record):
            return _content(path) if record is Content else _way_of(record, path)
        case _:
            return None


def _each(way: _Way | None) -> _Way | None:
    if way is None:
        return None

    def go(values: tuple[Any, ...], hand: Hand) -> tuple[Any, ...]:
        new = tuple([way(value, hand) for value in values])
        same = all(one is other for one, other in zip(new, values, strict=True))
        return values if same else new

    return go


def _content(path: str) -> _Way:
    digest_field, inline_field = f"{path}.digest".encode(), f"{path}.inline".encode()

    def go(value: Content, hand: Hand) -> Content:
        digest = hand.data(value.digest, digest_field)
        inline = None if value.inline is None else hand.data(value.inline, inline_field)
        if digest is value.digest and inline is value.inline:
            return value
        return trusted(Content)(
            media_type=value.media_type,
            size=value.size,
            digest=digest,
            inline=inline,
            ref=value.ref,
            key_id=hand.key_of(value),
        )

    return go
