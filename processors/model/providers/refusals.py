"""A provider's refusal: its own words, and which kind of fault they stand for.

Every server has a form of its own for errors: nested, flat, a list, a text, a page of HTML, JSON
within JSON. The kind comes from its codes, then from its words, then from the HTTP status.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from runfold.processors.model.providers import signs
from runfold.processors.model.providers.retry_after import LONGEST_MS
from runfold.processors.model.providers.streams.events import json_of
from runfold.processors.model.providers.wire import listed, mapping

_LONGEST_TEXT = 4000
_MOST_PARTS = 50
_TAGS = re.compile(r"<[^<>]*>")
_UNSEEN = re.compile(r"<(script|style|head)\b[^<>]*>", re.IGNORECASE)
_TITLE = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)
_SECONDS = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")

_WORDS = ("message", "detail", "msg", "error_description", "reason", "title", "raw", "faultstring")
_INNER = ("error", "message", "errors", "detail", "fault", "metadata", "innererror")
_NAMES = ("code", "type", "status", "error_type", "__type", "reason")


@dataclass(frozen=True)
class Refusal:
    """A provider's answer that is an error: HTTP status, decoded body, or its text if it is none.

    ``pause_asked`` says that the headers ask for a pause, which no spent quota does.
    """

    status: int
    body: Any
    text: str = ""
    pause_asked: bool = False

    @cached_property
    def message(self) -> str:
        """The provider's own words, or the status where it has none."""
        said = list(dict.fromkeys(word for part in self._parts for word in _words(part)))
        return "; ".join(said) or _plain(self.text) or f"HTTP status {self.status}"

    @cached_property
    def error_type(self) -> str:
        """The kind of fault."""
        return signs.kind_of(
            self.status, self._codes, self.message, paused=self.pause_asked or bool(self.pause_ms)
        )

    @cached_property
    def pause_ms(self) -> int | None:
        """The pause that the body asks for in milliseconds."""
        for part in self._parts:
            for item in map(mapping, listed(part.get("details"))):
                found = _SECONDS.fullmatch(str(item.get("retryDelay", ""))[:20])
                if found:
                    return min(int(float(found[1]) * 1000), LONGEST_MS)
        return None

    @cached_property
    def _parts(self) -> list[dict[str, Any]]:
        return list(_parts(self.body))

    @property
    def _codes(self) -> list[str]:
        found = [part.get(name) for part in self._parts for name in _NAMES]
        return [str(code) for code in found if isinstance(code, str | int) and code]


def error_in(body: dict[str, Any]) -> Refusal | None:
    """Return the refusal that the body of a 200 holds: gateways and streams put them there."""
    choices = listed(body.get("choices"))
    error = body.get("error") or next(
        (c.get("error") for c in choices if isinstance(c, dict)), None
    )
    flat = not choices and "content" not in body
    if not error and not (flat and (body.get("object") == "error" or _words(body))):
        return None
    found = {"error": error} if error else body
    return Refusal(_status_in(found), found)


def _status_in(found: dict[str, Any]) -> int:
    """Return the status that a gateway wrote into the body of a 200."""
    for part in _parts(found):
        for name in ("code", "status", "status_code"):
            code = part.get(name)
            code = (
                int(code) if isinstance(code, str) and re.fullmatch("[45][0-9]{2}", code) else code
            )
            if isinstance(code, int) and 400 <= code < 600:
                return code
    return 502


def _parts(body: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects in a body that may hold the error, outermost first."""
    waiting, seen = [body], 0
    while waiting and seen < _MOST_PARTS:
        item = waiting.pop(0)
        seen += 1
        if isinstance(item, str):
            item = {"message": item}
        if isinstance(item, list):
            waiting += item[:_MOST_PARTS]
        elif isinstance(item, dict):
            yield item
            waiting += [item[name] for name in _INNER if isinstance(item.get(name), dict | list)]
            if isinstance(item.get("error"), str):
                waiting.append(item["error"])
            waiting += [found for word in _texts(item) if isinstance(found := _inner(word), dict)]


def _texts(part: dict[str, Any]) -> list[str]:
    found = [part.get(name) for name in _WORDS]
    return [word for word in found if isinstance(word, str) and word.strip()]


def _words(part: dict[str, Any]) -> list[str]:
    return [word[:_LONGEST_TEXT] for word in _texts(part) if not isinstance(_inner(word), dict)]


def _inner(word: str) -> Any:
    """Return the JSON object that a gateway quotes as a text."""
    return json_of(word) if word.lstrip().startswith("{") else None


def _plain(said: str) -> str:
    """Return the words of a text that may be a page of HTML."""
    said = said[: 4 * _LONGEST_TEXT]
    if "<" not in said:
        return said.strip()[:_LONGEST_TEXT]
    title = _TITLE.search(said)
    visible = said
    while hidden := _UNSEEN.search(visible):
        end = visible.lower().find(f"</{hidden[1].lower()}", hidden.end())
        visible = visible[: hidden.start()] + (visible[end:] if end >= 0 else "")
    words = [title[1].strip()] if title else []
    body = " ".join(_TAGS.sub(" ", visible).split())
    return " ".join([*words, *([body] if body not in words else [])])[:_LONGEST_TEXT].strip()
