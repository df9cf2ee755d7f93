"""What the codecs of all providers share: requests, answers, tool calls as models write them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from runfold.events.calls import Message, ModelWork, Role
from runfold.events.content import Content, canonical_json, json_content, text
from runfold.events.values import ModelAnswer, ProposedCall, Usage
from runfold.processors.model.providers.tool_names import ToolNames

NO_ANSWER = "(no answer)"
CUT_OFF = "the answer was cut off at the token limit, so these arguments may be incomplete"


class MalformedWorkError(ValueError):
    """A model call cannot be written in a provider's wire."""


class MalformedAnswerError(ValueError):
    """A provider's body is no answer in its own wire."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: the provider's name, its model, and how it takes the token limit."""

    provider: str
    model: str
    limit_field: str = "max_tokens"


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
    """

    answer: ModelAnswer
    usage: Usage | None
    response_id: str | None
    first_token_at: float | None = None


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
    begins to put one together from a stream.
    """

    request: Callable[[ModelWork, Target, ToolNames], WireRequest]
    parse: Callable[[Any, ModelWork, Target, ToolNames], WireAnswer]
    credentials: Callable[[str], dict[str, str]]
    assembly: Callable[[], Assembly]


def read(content: Content | None) -> str:
    """Return a content's inline bytes as text; empty where there is none."""
    data = content.inline if content is not None else None
    return data.decode("utf-8", errors="replace") if data else ""


def turns(messages: Sequence[Message]) -> list[list[Message]]:
    """Group messages by turn: an assistant's alone, what answers it with tool results first.

    Both providers refuse a request in which anything stands between a call and its result.
    """
    grouped: list[list[Message]] = []
    for message in messages:
        alone = message.role is Role.ASSISTANT
        if alone or not grouped or grouped[-1][0].role is Role.ASSISTANT:
            grouped.append([message])
        else:
            grouped[-1].append(message)
    return [sorted(turn, key=lambda message: message.role is not Role.TOOL) for turn in grouped]


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


def arguments_for(call: ProposedCall) -> dict[str, Any]:
    """Return a call's arguments as the object that wires demand; unreadable ones are quoted."""
    said = read(call.arguments)
    try:
        value = json.loads(said or "{}")
        canonical_json(value).encode()
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"unparsed_arguments": said}


def proposed(call_id: str, name: str, arguments: object) -> ProposedCall:
    """Return a tool call as the model wrote it, ``arguments`` being an object or JSON text.

    What cannot be understood is kept as text with a ``problem``; it never raises.
    """
    problem = None if name else "the call names no tool"
    value, unreadable = _parsed(arguments)
    if unreadable is None:
        try:
            return ProposedCall(
                id=call_id, name=name, arguments=json_content(value), problem=problem
            )
        except ValueError:
            unreadable = "the arguments hold a value that JSON cannot carry"
    said = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return ProposedCall(id=call_id, name=name, arguments=text(said), problem=problem or unreadable)


def _parsed(arguments: object) -> tuple[dict[str, Any], str | None]:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments.strip() or "{}")
        except (ValueError, RecursionError) as error:
            return {}, f"the arguments are not JSON: {error}"[:200]
    if not isinstance(arguments, dict):
        return {}, "the arguments are not a JSON object"
    return arguments, None


def call_id_for(work: ModelWork, index: int) -> str:
    """Return an id for the answer's ``index``-th call where the provider gave none.

    At most 40 characters, as OpenAI demands, and different in every call of every run.
    """
    return "call_" + hashlib.sha256(f"{work.call_id}/{index}".encode()).hexdigest()[:24]


def answer_of(
    spoken: str | None, calls: Sequence[ProposedCall], finish: str, opaque: Content | None
) -> ModelAnswer:
    """Return the neutral answer; the last call of a truncated one is marked as doubtful."""
    found = list(calls)
    if finish == "length" and found and found[-1].problem is None:
        found[-1] = found[-1].model_copy(update={"problem": CUT_OFF})
    if finish == "stop" and found:
        finish = "tool_calls"
    said = text(spoken) if spoken and spoken.strip() else None
    return ModelAnswer(text=said, tool_calls=tuple(found), opaque=opaque, finish_reason=finish)


def keep(provider: str, items: object) -> Content:
    """Return opaque items marked with the provider that wrote them."""
    return json_content({"provider": provider, "items": items})


def kept(message: Message, provider: str) -> Any:
    """Return the opaque items of a message if this provider wrote them, else None."""
    if message.opaque is None:
        return None
    try:
        envelope = json.loads(read(message.opaque))
    except ValueError:
        return None
    ours = isinstance(envelope, dict) and envelope.get("provider") == provider
    return envelope["items"] if ours else None


def count(value: object) -> int:
    """Return a token count; whatever is no natural number counts as 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def mapping(value: object) -> dict[str, Any]:
    """Return a JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}
