"""The contents within a record; fields that can hold none are never looked at."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

from runfold.events.base import Record
from runfold.events.contents.content import Content


def contents_of(value: object) -> Iterator[Content]:
    """Yield every content within a record, a tuple or a content itself."""
    if isinstance(value, Content):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from contents_of(item)
    elif isinstance(value, Record):
        for name in _holding(type(value)):
            yield from contents_of(getattr(value, name))


@cache
def _holding(record: type[Record]) -> tuple[str, ...]:
    return tuple(
        name
        for name, field in record.model_fields.items()
        if _reaches_content(field.annotation, frozenset({record}))
    )


def _reaches_content(annotation: Any, seen: frozenset[Any]) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Content):
        return True
    inner = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Record) and annotation not in seen:
        seen |= {annotation}
        inner = tuple(field.annotation for field in annotation.model_fields.values())
    return any(_reaches_content(each, seen) for each in inner)
