"""What the codecs of all providers share: requests, answers, tool calls as models write them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from runfold.events.calls import ModelWork
from runfold.events.contents.content import Content, json_content, text
from runfold.events.values import ModelAnswer, ProposedCall, Usage
from runfold.processors.model.providers.cleaning import clean, cleaned, has_halves, joined, name_of
from runfold.processors.model.providers.tool_names import ToolNames

NO_ANSWER = "(no answer)"
CUT_OFF = "the answer was cut off at the token limit, so these arguments may be incomplete"

DOUBT = "runfold.doubt"
"""The key under which an assembly says of a call why it may not be what the model meant."""

LONGEST_NAME = 200
"""Characters of a tool's name, a call's id or an answer's id."""

MOST_COUNTED = 10**12
"""Tokens of one kind in one call; no model reads or writes as many."""

_MOST_CALLS = 128
_MOST_LEVELS = 64


class MalformedWorkError(ValueError):
    """A model call cannot be written in a provider's wire."""


class MalformedAnswerError(ValueError):
    """A provider's body is no answer in its own wire."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: the provider's name, its model, and how it takes the token limit.

    ``short_ids`` says that it takes only ids of nine letters and digits for calls, ``files`` that
    it takes PDF files.
    """

    provider: str
    model: str
    limit_field: str = "max_tokens"
    short_ids: bool = False
    files: bool = False


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One HTTP POST: path below the provider's base URL, headers without credentials, JSON.

    ``streamed`` says that the answer was asked for as a stream of events.
    """

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """A provider's answer in our terms; ``usage`` is None where it reported none.

    ``first_token_at`` is on the transport's clock, None where the answer came in one piece.
    ``note`` says what was not taken as it came.
    """

    answer: ModelAnswer
    usage: Usage | None
    response_id: str | None
    first_token_at: float | None = None
    note: str | None = None


class Assembly(Protocol):
    """Takes the events of one streamed answer in order."""

    def take(self, event: dict[str, Any]) -> bool:
        """Add an event; return whether it holds something that the model has written."""
        ...

    def body(self) -> dict[str, Any] | None:
        """Return the whole body, or one with ``error``; None where the answer broke off."""
        ...


@dataclass(frozen=True, slots=True)
class Codec:
    """One provider's wire: two pure functions and how it wants to be given a key.

    ``parse`` raises MalformedAnswerError for a body that is no answer of that wire; ``assembly``
    begins to put one together from a stream; ``spoken`` returns the text for people that one of its
    events adds. ``resume`` returns the request that goes on with an
    answer which the provider has paused, None for any other; ``joined`` makes one body of both.
    """

    request: Callable[[ModelWork, Target, ToolNames], WireRequest]
    parse: Callable[[Any, ModelWork, Target, ToolNames], WireAnswer]
    credentials: Callable[[str], dict[str, str]]
    assembly: Callable[[], Assembly]
    spoken: Callable[[dict[str, Any]], str]
    resume: Callable[[WireRequest, Any], WireRequest | None] = lambda _request, _body: None
    joined: Callable[[Any, Any], Any] = lambda _before, after: after


def read(content: Content | None) -> str:
    """Return a content's inline bytes as text; empty where there is none."""
    data = content.inline if content is not None else None
    return data.decode("utf-8", errors="replace") if data else ""


@lru_cache(maxsize=1024)
def schema(source: str) -> Any:
    """Return a tool's JSON Schema; shared between calls, so not to be changed."""
    return json.loads(source)


def parameters(work: ModelWork, reserved: frozenset[str]) -> dict[str, Any]:
    """Return the agent's own model parameters without those that the codec decides."""
    return {key: value for key, value in _given(work).items() if key not in reserved}


def streams(work: ModelWork) -> bool:
    """Return whether the agent's model parameters ask for a stream."""
    return _given(work).get("stream") is True


def _given(work: ModelWork) -> dict[str, Any]:
    given = json.loads(work.parameters)
    if not isinstance(given, dict):
        raise MalformedWorkError("the model parameters are not a JSON object")
    return given


def proposed(call_id: str, name: str, arguments: object, doubt: object = None) -> ProposedCall:
    """Return a tool call as the model wrote it, ``arguments`` being an object or JSON text.

    What cannot be understood, or is not whole, is kept as text with a ``problem``; it never raises.
    ``doubt`` says why the arguments may not be those of this call.
    """
    problem = None if name else "the call names no tool"
    if (usable := name_of(name, LONGEST_NAME)) != name:
        problem = "the name of the tool is too long, or no text"
        name = usable
    if isinstance(doubt, str):
        problem = problem or doubt
    value, unreadable = _parsed(arguments)
    if unreadable is None:
        try:
            return ProposedCall(
                id=call_id, name=name, arguments=json_content(value), problem=problem
            )
        except (ValueError, RecursionError):
            unreadable = "the arguments hold a value that JSON cannot carry"
    return ProposedCall(
        id=call_id, name=name, arguments=text(_said(arguments)), problem=problem or unreadable
    )


def _parsed(arguments: object) -> tuple[dict[str, Any], str | None]:
    if isinstance(arguments, str):
        if has_halves(arguments):
            return {}, "the arguments hold half a character"
        try:
            arguments = json.loads(joined(arguments).strip() or "{}")
        except (ValueError, RecursionError) as error:
            return {}, clean(f"the arguments are not JSON: {error}"[:200])
    if not isinstance(arguments, dict):
        return {}, "the arguments are not a JSON object"
    if _levels(arguments) > _MOST_LEVELS:
        return {}, f"the arguments are nested more than {_MOST_LEVELS} levels deep"
    return arguments, None


def _said(arguments: object) -> str:
    try:
        return clean(arguments if isinstance(arguments, str) else json.dumps(arguments))
    except (ValueError, RecursionError):
        return "(arguments that cannot be written down)"


def _levels(value: object) -> int:
    """Return how deep a JSON value is nested, counted no further than needed."""
    layer, levels = [value], 0
    while layer and levels <= _MOST_LEVELS:
        inner = [item for item in layer if isinstance(item, dict | list)]
        levels += bool(inner)
        layer = [
            each for item in inner for each in (item.values() if isinstance(item, dict) else item)
        ]
    return levels


def call_id_for(work: ModelWork, index: int) -> str:
    """Return an id for the answer's ``index``-th call where the provider gave none.

    At most 40 characters, as OpenAI demands, and different in every call of every run.
    """
    return "call_" + hashlib.sha256(f"{work.call_id}/{index}".encode()).hexdigest()[:24]


def call_ids(given: Sequence[object], work: ModelWork) -> list[str]:
    """Return an id for each call of an answer: the given one where it is usable and its own."""
    found: list[str] = []
    for index, each in enumerate(given):
        usable = isinstance(each, str) and each != "" and name_of(each, LONGEST_NAME) == each
        fresh = usable and each not in found[-_MOST_CALLS:]
        found.append(str(each) if fresh else call_id_for(work, index))
    return found


def none_given(arguments: object, tool: str, work: ModelWork) -> object:
    """Return the arguments, or an empty object where none were given.

    The word null counts as none for a tool that needs none.
    """
    if arguments is None:
        return {}
    if isinstance(arguments, str) and arguments.strip() == "null":
        offered = next((each for each in work.tools if each.name == tool), None)
        if offered is not None and not mapping(schema(offered.input_schema)).get("required"):
            return {}
    return arguments


def bounded(calls: Sequence[dict[str, Any]]) -> tuple[Sequence[dict[str, Any]], str | None]:
    """Return the calls of an answer that are taken, and what to say of those left out."""
    if len(calls) <= _MOST_CALLS:
        return calls, None
    return calls[:_MOST_CALLS], f"the answer held {len(calls)} calls; {_MOST_CALLS} were taken"


def answer_of(
    spoken: str | None, calls: Sequence[ProposedCall], finish: str, opaque: Content | None
) -> ModelAnswer:
    """Return the neutral answer; the last call of a truncated one is marked as doubtful."""
    found = list(calls)
    if finish == "length" and found and found[-1].problem is None:
        found[-1] = found[-1].model_copy(update={"problem": CUT_OFF})
    if finish == "stop" and found:
        finish = "tool_calls"
    said = text(clean(spoken)) if spoken and spoken.strip() else None
    return ModelAnswer(text=said, tool_calls=tuple(found), opaque=opaque, finish_reason=finish)


def keep(provider: str, items: Any, calls: dict[str, Any] | None = None) -> Content | None:
    """Return opaque items marked with the provider that wrote them; None for what JSON lacks.

    ``calls`` holds what the provider attached to calls, by their place in the answer.
    """
    attached = {"calls": cleaned(calls)} if calls else {}
    try:
        return json_content({"provider": provider, "items": cleaned(items), **attached})
    except (ValueError, RecursionError):
        return None


def response_id(body: dict[str, Any]) -> str | None:
    """Return the provider's id of an answer, clean and of bounded length."""
    given = body.get("id")
    return name_of(given, LONGEST_NAME) if isinstance(given, str) and given else None


def count(value: object) -> int:
    """Return a token count, at most ``MOST_COUNTED``; what is no natural number counts as 0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return min(max(value, 0), MOST_COUNTED)


def doubted(usage: Usage | None) -> str | None:
    """Return what to say of counts that cannot be true, None for any other."""
    if usage is None:
        return None
    if max(usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) < MOST_COUNTED:
        return None
    return f"the provider counted {MOST_COUNTED} tokens or more, so the call has no price"


def mapping(value: object) -> dict[str, Any]:
    """Return a JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    """Return a JSON list, a single object as a list of it, or an empty one for anything else."""
    if isinstance(value, dict):
        return [value]
    return value if isinstance(value, list) else []
