"""What messages say, as the journal keeps it, and what the journal says, as parts of messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from a2a.types.a2a_pb2 import Message, Part
from a2a.utils.errors import ContentTypeNotSupportedError, InvalidParamsError
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct, Value

from runfold.events.contents.content import Content, json_content, text
from runfold.surfaces.application.rendering import json_of, jsonable

MODES = ("text/plain", "application/json")
"""What an agent takes and gives."""

_MOST_PARTS = 100


def content_of(message: Message) -> Content:
    """Return what a message says: a text as text, a value as JSON, several parts as a list.

    Raises ContentTypeNotSupportedError for bytes, InvalidParamsError for a message without a part.
    """
    said = [_said(part) for part in parts_of(message)]
    if all(isinstance(each, str) for each in said):
        return text("\n\n".join(said))
    if len(said) == 1:
        return json_content(said[0])
    return json_content([{"text": each} if isinstance(each, str) else each for each in said])


def parts_of(message: Message) -> list[Part]:
    """Return the parts of a message that says something; raises InvalidParamsError."""
    found = [part for part in message.parts if part.WhichOneof("content") is not None]
    if not found:
        raise InvalidParamsError("The message has no part: send a text or data.")
    if len(found) > _MOST_PARTS:
        raise InvalidParamsError(f"The message has {len(found)} parts, {_MOST_PARTS} are allowed.")
    return found


def data_of(part: Part) -> Any:
    """Return the JSON value of a data part; raises InvalidParamsError for no number of JSON."""
    try:
        return MessageToDict(part.data)
    except ValueError as error:
        raise InvalidParamsError(f"The data cannot be read: {str(error)[:200]}.") from None


def text_part(said: str) -> Part:
    """Return a text as a part."""
    return Part(text=said, media_type="text/plain")


def data_part(value: Any) -> Part:
    """Return a JSON value as a part; amounts become numbers."""
    return Part(data=ParseDict(_plain(value), Value()), media_type="application/json")


def struct_of(value: Mapping[str, Any]) -> Struct:
    """Return an object as metadata holds it."""
    return ParseDict(_plain(value), Struct())


def parts_saying(content: Content) -> list[Part]:
    """Return what a content says: its text, its value, or the name of what lies elsewhere."""
    value = json_of(content)
    return [text_part(value) if isinstance(value, str) else data_part(value)]


def texts_of(parts: Iterable[Part]) -> str | None:
    """Return the text of parts that are all texts, None where one is not."""
    said = [part.text if part.WhichOneof("content") == "text" else None for part in parts]
    return None if None in said else "\n\n".join(each or "" for each in said)


def _said(part: Part) -> Any:
    match part.WhichOneof("content"):
        case "text":
            return part.text
        case "data":
            return data_of(part)
        case "url":
            # It is told, and never fetched here.
            return {"url": part.url, "media_type": part.media_type, "filename": part.filename}
        case _:
            raise ContentTypeNotSupportedError(
                "Bytes cannot be sent: put the text or the data into the message, or a URL."
            )


def _plain(value: Any) -> Any:
    """Return a value with the numbers that protobuf knows."""
    match value := jsonable(value):
        case dict():
            return {name: _plain(held) for name, held in value.items()}
        case list():
            return [_plain(held) for held in value]
        case str() | bool() | None:
            return value
        case _:
            return float(value)
