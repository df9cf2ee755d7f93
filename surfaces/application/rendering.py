"""From the journal's records to the public shapes, and from shapes to JSON: one form everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import cache
from typing import Any

import msgspec
from pydantic import BaseModel

from runfold.events import run as journal
from runfold.events.avro.shapes import Amount, Array, Nullable, Structure, fields_of
from runfold.events.avro.shapes import Shape as Wire
from runfold.events.base import MONEY_PRECISION, Fact, Record
from runfold.events.contents.content import Content
from runfold.events.values import Exit
from runfold.events.wording import plain_json
from runfold.projections.rendering.readable import plain, readable, said
from runfold.surfaces.application import shapes
from runfold.surfaces.words import said as in_words

# Amounts have 38 digits: the default would round them.
_DIGITS = Context(prec=MONEY_PRECISION)
_MOST_WHOLE_DIGITS = 40
_PLAIN = frozenset({str, int, bool, float, type(None), msgspec.Raw})
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def to_json(value: object) -> str:
    """Return the JSON text of a shape, a row or any tree of them, on one line.

    Amounts are numbers with every digit, moments are ISO 8601 in UTC, bytes are hexadecimal.
    """
    return _ENCODER.encode(jsonable(value)).decode()


def jsonable(value: Any) -> Any:  # noqa: PLR0911 - one line a type reads best
    """Return a value as JSON knows it; amounts stay Decimal, without zeros at their end."""
    if type(value) in _PLAIN:
        return value
    match value:
        case BaseModel():
            # Most of what a shape holds needs no call.
            return {n: held if type(held) in _PLAIN else jsonable(held) for n, held in value}
        case datetime():
            return value.astimezone(UTC).isoformat()
        case Decimal():
            least = value.normalize(_DIGITS)
            # Written as people do: 40, where Decimal would write 4E+1.
            whole = value.is_finite() and 0 < least.adjusted() < _MOST_WHOLE_DIGITS
            return Decimal(f"{least:f}") if whole else least
        case bytes():
            return value.hex()
        case Mapping():
            return {str(name): jsonable(held) for name, held in value.items()}
        case tuple() | list() | set() | frozenset():
            return [jsonable(held) for held in value]
        case int() | float() | str():
            return value
        case _:
            return str(value)


def event_of(event: journal.Event) -> shapes.Event:
    """Return an event of the journal as the public shape."""
    return shapes.Event(**_event_fields(event))


def outcome_of(event: journal.Event) -> shapes.ControlOutcome:
    """Return the event that a control led to, and whether it was applied."""
    ignored = isinstance(event.fact, journal.RequestIgnored)
    return shapes.ControlOutcome(
        applied=not ignored, text=in_words(event.fact), **_event_fields(event)
    )


def _event_fields(event: journal.Event) -> dict[str, Any]:
    meta = event.meta
    return {
        "run_id": meta.run_id,
        "seq": meta.seq,
        "type": event.type,
        "time": meta.time,
        "status": meta.status,
        "tenant_id": meta.tenant_id,
        "cause": meta.cause,
        "actor": shapes.Actor(kind=meta.actor.kind.value, id=meta.actor.id),
        "fact": fact_of(type(event.fact), json.loads(readable(event.fact))),
    }


def fact_of(kind: type[Fact], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fact as the tables hold it, with its amounts as numbers instead of texts."""
    return _with_amounts(kind, stored)


def known_usd(amount: Decimal, unpriced: int) -> Decimal | None:
    """Return what calls cost as far as prices are known, None where no price of any is."""
    return None if unpriced and not amount else amount


def completion_of(exit_: Exit) -> shapes.Completion:
    """Return a run's exit record as the completion signal, its payload in clear."""
    used = exit_.usage
    usage: dict[str, Any] = dict(used)
    usage["cost_usd"] = known_usd(used.cost_usd, used.unpriced_calls)
    return shapes.Completion(
        status=exit_.status.value,
        exit_code=exit_.exit_code,
        payload=plain_json(json_of(exit_.payload)),
        usage=shapes.CompletionUsage(**usage),
        signal=exit_.signal,
    )


def json_of(content: Content | None) -> Any:
    """Return a content as a JSON value: JSON as it is, text as text, the rest as what names it."""
    if content is None:
        return None
    words = said(content)
    found = json.loads(words) if words is not None else None
    if isinstance(found, dict) and found.get("digest") == content.digest.hex():
        return found.get("text", found)
    return found


def text_of(content: Content | None) -> str:
    """Return a content as text, or empty where it is not text."""
    return plain(content) or ""


def _with_amounts(kind: type[Record], stored: Mapping[str, Any]) -> dict[str, Any]:
    paths = _amounts(kind)
    if not paths:
        return dict(stored)
    return {
        name: _converted(paths[name], held) if name in paths else held
        for name, held in stored.items()
    }


def _converted(shape: Wire, held: Any) -> Any:
    match shape:
        case Nullable(inner):
            return None if held is None else _converted(inner, held)
        case Amount():
            return Decimal(held)
        case Array(item):
            return [_converted(item, each) for each in held]
        case Structure(record):
            return _with_amounts(record, held)
        case _:
            return held


@cache
def _amounts(kind: type[Record]) -> dict[str, Wire]:
    """Return the fields of a record that hold an amount, at any depth."""
    return {field.name: field.shape for field in fields_of(kind) if _holds_amount(field.shape)}


def _holds_amount(shape: Wire) -> bool:
    match shape:
        case Nullable(inner) | Array(inner):
            return _holds_amount(inner)
        case Structure(record):
            # A content is JSON of somebody else's making.
            return record is not Content and bool(_amounts(record))
        case Amount():
            return True
        case _:
            return False
