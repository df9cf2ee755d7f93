"""Events read back from the rows of the timeline: the inverse of ``readable``.

What comes back is equal to what is in the journal, but for two things that a row does not hold:
the bytes of JSON contents are canonical, and what Postgres cannot store (NUL, lone surrogates)
stays replaced. So it serves for showing and for folding, never for a proof.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from runfold.events.avro.shapes import Array, Nullable, Primitive, Shape, Structure, fields_of
from runfold.events.base import Fact, Record
from runfold.events.catalogue import FACTS
from runfold.events.contents.content import Content, canonical_json
from runfold.events.run import Event, Meta
from runfold.events.values import Actor

_KINDS = {kind.__name__: kind for kind in FACTS}


def event_of_row(row: Mapping[str, Any]) -> Event | None:
    """Return the event of a row of ``run_events``, None for one that this release cannot read."""
    kind = _KINDS.get(row["type"])
    if kind is None:
        return None
    try:
        meta = Meta(
            run_id=row["run_id"],
            seq=row["seq"],
            tenant_id=row["tenant_id"],
            time=row["time"],
            status=row["status"],
            cause=row["cause"],
            actor=Actor(kind=row["actor_kind"], id=row["actor_id"]),
            traceparent=row["traceparent"],
            prev_hash=bytes.fromhex(row["prev_hash"]),
        )
        return Event(meta, fact_of(kind, row["fact"]))
    except (ValidationError, ValueError):
        return None


def fact_of(kind: type[Fact], stored: Mapping[str, Any]) -> Fact:
    """Return a fact from its readable form; raises ValueError for what does not fit the class."""
    return kind.model_validate(_fields(kind, stored))


def _fields(record: type[Record], stored: Mapping[str, Any]) -> dict[str, Any]:
    shapes = {field.name: field.shape for field in fields_of(record)}
    # None is left out of the readable form.
    found: dict[str, Any] = {
        name: None for name, shape in shapes.items() if isinstance(shape, Nullable)
    }
    for name, held in stored.items():
        # A name that nobody knows is left for the class to refuse.
        found[name] = _value(shapes[name], held) if name in shapes else held
    return found


def _value(shape: Shape, held: Any) -> Any:
    match shape:
        case Nullable(inner):
            return _value(inner, held)
        case Array(item):
            return [_value(item, each) for each in held]
        case Primitive("bytes"):
            return bytes.fromhex(held)
        case Structure(record) if record is Content:
            return _content(held)
        case Structure(record):
            return _fields(record, held)
        case _:
            # Pydantic reads numbers, amounts, moments and symbols from their texts.
            return held


def _content(stored: Mapping[str, Any]) -> dict[str, Any]:
    found = {**stored, "digest": bytes.fromhex(stored["digest"])}
    if "json" in found:
        found["inline"] = canonical_json(found.pop("json")).encode()
    elif "text" in found:
        found["inline"] = found.pop("text").encode()
    elif "base64" in found:
        found["inline"] = base64.b64decode(found.pop("base64"))
    return found
