"""The body of a request: bounded in size, time and depth before anything of it is parsed."""

from __future__ import annotations

import asyncio
import json
import re
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from runfold.events.expected import unexpected
from runfold.surfaces.http.access.limits import Limits
from runfold.surfaces.http.refusals.problems import Problem

M = TypeVar("M", bound=BaseModel)

_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_MOST_ERRORS = 10
_MOST_DIGITS = 40
_JSON = re.compile(
    r"application/(?:json|[\w.+-]+\+json)\s*(?:;\s*charset=\"?utf-8\"?\s*)?", re.IGNORECASE
)


async def read(
    request: Request, limits: Limits, most: int | None = None, *, unread: bool = False
) -> bytes:
    """Return a request's body; raises Problem for one that is too large, or comes too slowly.

    ``most`` are the bytes that it may have, by default those of JSON. ``unread`` says that nobody
    reads what is in it, so that it does not matter how it is encoded.
    """
    most = limits.body_bytes if most is None else most
    size_said = announced(request)
    if size_said is not None and size_said > most:
        raise _too_large(most)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity" and not unread:
        raise Problem("unsupported_media_type", "Send the body as it is, without an encoding.")
    parts, size = [], 0
    pieces = request.stream().__aiter__()
    # A byte now and then is no progress: the whole body has as long as it may stand still, and a
    # large one as long for each part of it that is as large as JSON may be.
    seconds = limits.idle_s * max(1, (size_said or most) / limits.body_bytes)
    try:
        async with asyncio.timeout(seconds):
            async for piece in pieces:
                size += len(piece)
                if size > most:
                    raise _too_large(most)
                parts.append(piece)
    except TimeoutError:
        raise Problem(
            "too_slow",
            f"The body was not there after {seconds:g} s.",
            headers={"connection": "close"},
        ) from None
    except ClientDisconnect:
        raise Problem("malformed", "The connection ended before the body did.") from None
    return b"".join(parts)


def parsed(body: bytes, content_type: str | None, depth: int) -> Any:
    """Return the JSON value of a body; raises Problem.

    Numbers with a fraction are Decimal. A name that comes twice in an object is refused: two
    readers could take it for two values.
    """
    if not _JSON.fullmatch(content_type or ""):
        raise Problem(
            "unsupported_media_type",
            f"The body must be application/json in UTF-8, not {(content_type or 'nothing')[:100]}.",
        )
    # Most have fewer brackets than levels are allowed: those need no look at where they are.
    brackets = body.count(b"{") + body.count(b"[")
    if brackets > depth and (found := depth_of(body)) > depth:
        raise Problem("too_deep", f"The JSON is nested {found} deep, and {depth} are allowed.")
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Problem("malformed", "The body is not UTF-8.") from None
    except (ValueError, RecursionError, ArithmeticError) as error:
        said = error.args[0] if error.args and isinstance(error, ValueError) else "it is not JSON"
        raise Problem("malformed", f"The body cannot be read: {str(said)[:200]}.") from None


def depth_of(body: bytes) -> int:
    """Return how deep JSON is nested, without parsing it; of what is not JSON, at least that."""
    deepest = now = 0
    for mark in _MARKS.finditer(body):
        match body[mark.start()]:
            case 0x5B | 0x7B:
                now += 1
                deepest = max(deepest, now)
            case 0x5D | 0x7D:
                now -= 1
            case _:
                pass
    return deepest


def validated(model: type[M], value: Any) -> M:
    """Return a body as its model; raises Problem that names every field, without its value."""
    if not isinstance(value, dict):
        raise Problem("invalid", "The body must be an object of JSON.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        errors = tuple(
            {"pointer": _pointer(each.place), "detail": each.text}
            for each in unexpected(error)[:_MOST_ERRORS]
        )
        first = errors[0]
        where = first["pointer"] or "the body"
        raise Problem("invalid", f"{where} {first['detail']}.", errors=errors) from None


def _pointer(place: tuple[int | str, ...]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')[:100]}" for part in place)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice in an object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _decimal(text: str) -> Decimal:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number has more than {_MOST_DIGITS} characters")
    return Decimal(text)


def _integer(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number has more than {_MOST_DIGITS} characters")
    return int(text)


def announced(request: Request) -> int | None:
    """Return how many bytes a body is said to have, None where nothing is said."""
    said = request.headers.get("content-length", "")
    return int(said[:18]) if said.isascii() and said.isdecimal() else None


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_constant=_no_constant,
    parse_float=_decimal,
    parse_int=_integer,
)


def _too_large(most: int) -> Problem:
    return Problem(
        "too_large",
        f"The body has more than {most:,} bytes.",
        headers={"connection": "close"},
    )
