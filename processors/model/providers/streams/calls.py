"""The tool calls of a streamed chat completion, put together by evidence.

OpenAI gives every call an index, and its id and name once. Compatible servers give all calls the
index 0 or none, an id or a name in every chunk, a new id in every chunk, or the arguments as an
object. So a part joins a call, or begins one, by what is known of both: id, index, name, and
whether the call is complete. What stays ambiguous is marked with ``DOUBT``, and does not run.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from runfold.processors.model.providers.cleaning import joined
from runfold.processors.model.providers.streams.events import json_of
from runfold.processors.model.providers.wire import DOUBT, mapping

_SHARED = "the stream does not say whether these are the arguments of this call or of the next"
_SEVERAL = "the stream holds several different arguments for this call"
_UNENDED = "the stream ended before it said that this call is whole"

# A server that repeats names could make us look for the end of one call again and again.
_MOST_READ = 8_000_000
_LONGEST_NAME = 10_000


class Part:
    """What one chunk says of one call."""

    def __init__(self, said: dict[str, Any]) -> None:
        function = mapping(said.get("function")) or said
        self.index = _index(said.get("index"))
        self.id = said["id"] if isinstance(said.get("id"), str) else ""
        self.name = function["name"] if isinstance(function.get("name"), str) else ""
        self.arguments: Any = function.get("arguments")
        self.extra = {key: value for key, value in said.items() if key not in _UNDERSTOOD}

    @property
    def says_arguments(self) -> bool:
        """Whether it holds any arguments."""
        return self.arguments is not None and self.arguments != ""


_UNDERSTOOD = frozenset({"index", "id", "type", "function", "name", "arguments"})


class _Call:
    """One call as far as it came."""

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.texts: list[str] = []
        self.values: list[Any] = []
        self.extra: dict[str, Any] = {}
        self.doubt: str | None = None
        self._read = 0

    @property
    def begun(self) -> bool:
        return bool(self.texts or self.values)

    def goes_on(self, part: Part) -> bool:
        """Return whether a part with an index of its own belongs here: no call has no name."""
        if not part.name:
            return part.id in {"", self.id}
        same = part.id == self.id and part.name == self.name
        return same and self.begun and not self.complete()

    def complete(self) -> bool:
        if self.values:
            return True
        if not self.texts or not self.texts[-1].rstrip().endswith("}"):
            return False
        said = "".join(self.texts)
        self._read += len(said)
        return self._read <= _MOST_READ and isinstance(json_of(said), dict)

    def says_nothing(self) -> bool:
        """Return whether its arguments are empty, which may be what stands for those to come."""
        return self.values[-1:] == [{}] or "".join(self.texts).strip() == "{}"

    def add(self, part: Part) -> None:
        self.id = self.id or part.id
        if part.name.startswith(self.name):
            self.name = part.name
        elif part.name != self.name and len(self.name) < _LONGEST_NAME:
            self.name += part.name
        if isinstance(part.arguments, str):
            self.texts += [part.arguments] if part.arguments else []
        elif part.arguments is not None and self.values[-1:] != [part.arguments]:
            self.values.append(part.arguments)
        self.extra |= part.extra

    def body(self) -> dict[str, Any]:
        arguments = self._arguments()
        found = {"type": "function", "function": {"name": self.name, "arguments": arguments}}
        more = {DOUBT: self.doubt} if self.doubt else {}
        return {**self.extra, "id": self.id, **found, **more}

    def _arguments(self) -> Any:
        if not self.values:
            return arguments_of(self.texts)
        found = self.values[0]
        for value in self.values[1:]:
            grown = isinstance(found, dict) and isinstance(value, dict)
            if not grown or not found.items() <= value.items():
                self.doubt = self.doubt or _SEVERAL
            found = value
        said = "".join(self.texts).strip()
        if said and json_of(said) != found:
            self.doubt = self.doubt or _SEVERAL
        return found


class CallParts:
    """The calls of one answer, in the order in which they began."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._at: dict[int, _Call] = {}
        self._by_id: dict[tuple[int | None, str], _Call] = {}

    def take(self, said: dict[str, Any]) -> None:
        """Add what a chunk says of a call."""
        part = Part(said)
        call = self._joined(part)
        if call is None:
            call = _Call()
            self._calls.append(call)
        call.add(part)
        if part.index is not None:
            self._at[part.index] = call
        if part.id:
            self._by_id[(part.index, part.id)] = call

    def bodies(self, *, ended: bool) -> list[dict[str, Any]]:
        """Return the calls as an unstreamed answer has them.

        ``ended`` says that the server gave a reason for the end, so that what it left out of the
        last call is not missing.
        """
        if self._calls and not ended and not self._calls[-1].begun:
            self._calls[-1].doubt = _UNENDED
        return [call.body() for call in self._calls]

    def _joined(self, part: Part) -> _Call | None:
        """Return the call that a part goes on with, None where it begins one."""
        if not self._calls:
            return None
        last = self._calls[-1]
        if part.index is None:
            current = self._by_id.get((None, part.id), last)
        elif part.index in self._at:
            current = self._by_id.get((part.index, part.id), self._at[part.index])
        elif last.goes_on(part):
            # This server counts chunks where others count calls.
            current = last
        else:
            return None
        return None if _begins(current, part) else current


def _begins(current: _Call, part: Part) -> bool:
    """Return whether a part at the place of a call begins another one."""
    known = part.name in {"", current.name}
    if part.id and part.id == current.id:
        # An id given twice: a call keeps its name once its arguments have begun.
        return current.begun and not known
    if part.id and current.id:
        return _begins_by_id(current, part, known=known)
    if not part.name:
        return False
    if not current.complete():
        return current.begun and not known
    if known and (not part.says_arguments or _repeats(current, part)):
        return False
    if known and current.says_nothing():
        current.doubt = _SHARED
    return True


def _begins_by_id(current: _Call, part: Part, *, known: bool) -> bool:
    """Return whether a part with another id is of another call; some give a new one every time."""
    if current.complete() or not known:
        return True
    if part.name and not current.begun:
        # Two calls of which the first has no arguments, or one that only begins?
        current.doubt = _SHARED
        return True
    return False


def _repeats(current: _Call, part: Part) -> bool:
    """Return whether a part holds once more what a call has already."""
    if isinstance(part.arguments, str):
        return bool(current.texts) and part.arguments.strip() == "".join(current.texts).strip()
    return current.values[-1:] == [part.arguments]


def one_of(pieces: list[str]) -> str:
    """Return the text that pieces stand for: repeated, growing from piece to piece, or cut up."""
    if len(set(pieces)) <= 1:
        return pieces[0] if pieces else ""
    return pieces[-1] if _grows(pieces) else "".join(pieces)


def arguments_of(pieces: list[str]) -> str:
    """Return the arguments that pieces stand for: cut up, unless only another reading is JSON."""
    said = joined("".join(pieces))
    if len(pieces) < 2 or isinstance(json_of(said), dict):
        return said
    other = joined(one_of(pieces))
    return other if isinstance(json_of(other), dict) else said


def _grows(pieces: list[str]) -> bool:
    return all(after.startswith(before) for before, after in pairwise(pieces))


def _index(given: object) -> int | None:
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 9:
        return int(given)
    return given if isinstance(given, int) and not isinstance(given, bool) and given >= 0 else None
