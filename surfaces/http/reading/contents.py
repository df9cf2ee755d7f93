"""What was said in a body, as the journal keeps it: texts as they are, all else as JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from runfold.events.contents.content import Content, json_content, text
from runfold.surfaces.http.refusals.problems import Problem


def content_of(said: Any, where: str) -> Content:
    """Return a text as text, any other value as JSON; raises Problem for half a character."""
    try:
        return text(said) if isinstance(said, str) else json_content(plain(said))
    except (UnicodeEncodeError, ValueError):
        raise Problem(
            "invalid", f"{where}: it holds half a character, or a number that is too large."
        ) from None


def json_of(said: Any, where: str) -> Content:
    """Return any value as JSON; raises Problem."""
    try:
        return json_content(plain(said))
    except (UnicodeEncodeError, ValueError):
        raise Problem(
            "invalid", f"{where}: it holds half a character, or a number that is too large."
        ) from None


def plain(value: Any) -> Any:
    """Return a value whose numbers are those of JSON."""
    match value:
        case Decimal():
            return float(value)
        case dict():
            return {name: plain(held) for name, held in value.items()}
        case list():
            return [plain(held) for held in value]
        case _:
            return value
