"""What was said so far, made fit for the wire that it goes to.

Vendors refuse a call without its result, a result without its call, an id twice or of a foreign
form, two answers in a row. A run's history may hold all of these: another vendor wrote it, a
context was chosen from it, or a server gives the same ids in every answer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from runfold.events.calls import Message, Role
from runfold.events.contents.content import canonical_json, text
from runfold.events.values import ProposedCall
from runfold.processors.model.providers import wire

_NO_RESULT = "(there is no result on record)"
_LEFT_OUT = "(what came before was left out)"
_GO_ON = "(go on)"

OPENAI_IDS = re.compile(r"[\x21-\x7e]{1,40}")
SHORT_IDS = re.compile(r"[a-zA-Z0-9]{9}")
ANTHROPIC_IDS = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def turns(messages: Sequence[Message], ids: re.Pattern[str]) -> list[list[Message]]:
    """Return messages by turn: an answer alone, what follows it with the results first.

    Between two answers there is always something; every call has one result, and every id has
    the form of ``ids`` and occurs once. What fits stays as it is, so that prompt caches hold.
    """
    found: list[list[Message]] = []
    given = _Ids(ids)
    owed: list[tuple[str, str]] = []
    for turn in _grouped(messages):
        if turn[0].role is not Role.ASSISTANT:
            found.append(_answered(owed, turn))
            owed = []
            continue
        if owed or not found or found[-1][0].role is Role.ASSISTANT:
            between = [] if owed else [_user(_GO_ON if found else _LEFT_OUT)]
            found.append(_answered(owed, between))
        owed = [(call.id, given.fresh(call.id)) for call in turn[0].tool_calls]
        found.append([_renamed(turn[0], [new for _old, new in owed])])
    return [*found, _answered(owed, [])] if owed else found


def arguments_for(call: ProposedCall) -> dict[str, Any]:
    """Return a call's arguments as the object that wires demand; unreadable ones are quoted."""
    said = wire.read(call.arguments)
    try:
        value = json.loads(said or "{}")
        canonical_json(value).encode()
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"unparsed_arguments": said}


def kept(message: Message, provider: str) -> Any:
    """Return the opaque items of a message if this provider wrote them, else None."""
    return _envelope(message, provider).get("items")


def attached(message: Message, provider: str) -> dict[str, Any]:
    """Return what this provider attached to calls of a message, by their place."""
    return wire.mapping(_envelope(message, provider).get("calls"))


def _envelope(message: Message, provider: str) -> dict[str, Any]:
    if message.opaque is None:
        return {}
    try:
        found = wire.mapping(json.loads(wire.read(message.opaque)))
    except (ValueError, RecursionError):
        return {}
    return found if found.get("provider") == provider else {}


def _grouped(messages: Sequence[Message]) -> list[list[Message]]:
    grouped: list[list[Message]] = []
    for message in messages:
        alone = message.role is Role.ASSISTANT
        if alone or not grouped or grouped[-1][0].role is Role.ASSISTANT:
            grouped.append([message])
        else:
            grouped[-1].append(message)
    return grouped


def _renamed(message: Message, ids: Sequence[str]) -> Message:
    """Return an answer whose calls have these ids."""
    if all(call.id == new for call, new in zip(message.tool_calls, ids, strict=True)):
        return message
    calls = zip(message.tool_calls, ids, strict=True)
    renamed = tuple(call.model_copy(update={"id": new}) for call, new in calls)
    return message.model_copy(update={"tool_calls": renamed})


def _answered(owed: list[tuple[str, str]], said: list[Message]) -> list[Message]:
    """Return a turn that begins with one result for each call that is owed one."""
    waiting = list(said)
    results: list[Message] = []
    for old, new in owed:
        result = next((m for m in waiting if m.role is Role.TOOL and m.call_id == old), None)
        if result is None:
            missing = text(_NO_RESULT)
            result = Message(role=Role.TOOL, content=missing, call_id=old, is_error=True)
        else:
            waiting = [message for message in waiting if message is not result]
        results.append(result if old == new else result.model_copy(update={"call_id": new}))
    return [*results, *map(_as_user, waiting)]


def _as_user(message: Message) -> Message:
    if message.role is not Role.TOOL:
        return message
    return _user(f"Result of an earlier call: {wire.read(message.content)}")


def _user(said: str) -> Message:
    return Message(role=Role.USER, content=text(said))


class _Ids:
    """Gives each call of one request an id that the wire takes and that occurs once."""

    def __init__(self, form: re.Pattern[str]) -> None:
        self._form = form
        self._used: set[str] = set()
        self._seen: dict[str, int] = {}

    def fresh(self, given: str) -> str:
        """Return the id itself where it fits, else one that is made from it."""
        times = self._seen[given] = self._seen.get(given, 0) + 1
        found = given
        while found in self._used or not self._form.fullmatch(found):
            made = hashlib.sha256(f"{given}/{times}".encode()).hexdigest()
            found = made[:9] if self._form is SHORT_IDS else f"call_{made[:24]}"
            times += 1
        self._used.add(found)
        return found
