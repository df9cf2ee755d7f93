"""Facts as JSON that people and SQL can read: contents in clear where they are inline text."""

from __future__ import annotations

import base64
import json
import re
from functools import lru_cache
from typing import Any

import msgspec

from runfold.events.base import Record
from runfold.events.contents.content import JSON, Content
from runfold.events.run import CallSummary, CheckpointWritten
from runfold.events.sealing.form import ERASED, SHUT
from runfold.events.values import ModelAnswer
from runfold.projections.rendering.compiled import Rendering, quoted

# A numeric of Postgres holds far more; beyond this it is no number that somebody meant.
_LONGEST_NUMBER = 400
_LARGEST_EXPONENT = 300
_GONE = (ERASED.encode(), SHUT.encode())
_REMEMBERED_BYTES = 4096
_ENCODER = msgspec.json.Encoder()
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def readable(record: Record) -> str:
    """Return the JSON text of a record: hashes in hexadecimal, money as text, nothing for None."""
    return _storable(_RENDERING.writer_of(type(record))(record))


def said(content: Content | None) -> str | None:
    """Return the JSON text of a content itself, or of what names it where it is not readable."""
    if content is None:
        return None
    body = _json_body(content)
    if body is not None:
        return _storable(body)
    return _storable(_content(content))


def plain(content: Content | None) -> str | None:
    """Return a content as text, or None where it is not inline text."""
    if content is None or content.inline is None:
        return None
    if content.key_id is not None and content.inline not in _GONE:
        return None
    if not (content.media_type.startswith("text/") or content.media_type == JSON):
        return None
    return clean(content.inline.decode("utf-8", "replace"))


def as_json(value: object) -> str:
    """Return the JSON text of plain lists, dicts, strings and numbers, fit for JSONB."""
    return _storable(json_text(value))


def json_text(value: object) -> str:
    """Return the JSON text of lists, dicts, strings, numbers, moments and amounts."""
    try:
        return _ENCODER.encode(value).decode()
    except UnicodeEncodeError:
        # Lone surrogates have no UTF-8; json spells them out, and what stores them cleans them.
        return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))


def clean(value: str) -> str:
    """Return a text that Postgres can hold: NUL and lone surrogates become U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", value)


def _content(content: Content) -> str:
    head = (
        f'{{"media_type":{quoted(content.media_type)},"size":{content.size},'
        f'"digest":"{content.digest.hex()}"'
    )
    if content.ref is not None:
        head += f',"ref":{quoted(content.ref)}'
    if content.key_id is not None:
        head += f',"key_id":{quoted(content.key_id)}'
    if content.inline is not None:
        body = _json_body(content)
        if body is not None:
            head += f',"json":{body}'
        elif (words := plain(content)) is not None:
            head += f',"text":{quoted(words)}'
        else:
            head += f',"base64":"{base64.b64encode(content.inline).decode()}"'
    return head + "}"


def _json_body(content: Content) -> str | None:
    """Return inline JSON as it stands if JSONB will take it, None if it is not JSON."""
    inline = content.inline
    if inline is None or content.key_id is not None or content.media_type != JSON:
        return None
    # The arguments of a call stand in several events, one soon after the other.
    return _known_body(inline) if len(inline) <= _REMEMBERED_BYTES else _body(inline)


def _body(inline: bytes) -> str | None:
    try:
        body = inline.decode()
        parsed = _DECODER.decode(body)
        # Escapes may hide what Postgres refuses; otherwise the text is kept digit for digit.
        return json.dumps(_cleaned(parsed), ensure_ascii=False) if "\\u" in body else body
    except (ValueError, RecursionError):
        return None


_known_body = lru_cache(512)(_body)


def _number(text: str) -> float:
    _, _, exponent = text.lower().partition("e")
    if len(text) > _LONGEST_NUMBER or (exponent and abs(int(exponent)) > _LARGEST_EXPONENT):
        raise ValueError("a number that Postgres could not hold")
    return float(text)


def _constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_number, parse_constant=_constant)


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case list():
            return [_cleaned(item) for item in value]
        case dict():
            return {clean(key): _cleaned(item) for key, item in value.items()}
        case _:
            return value


def _storable(text: str) -> str:
    # json's own quoting leaves NUL as an escape, which JSONB refuses.
    if "\\u0000" in text:
        return json.dumps(_cleaned(json.loads(text)), ensure_ascii=False)
    return text


_RENDERING = Rendering({Content: _content}, often={CallSummary, CheckpointWritten, ModelAnswer})
