"""A grammar of providers' answers, right and wrong: a seed makes the same one again."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]

HALF = "\ud83d"


def deep(levels: int) -> Any:
    """A value of so many levels."""
    found: Any = {}
    for _ in range(levels):
        found = {"a": found}
    return found


VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    12.0,
    2**63,
    10**40,
    1e308,
    float("nan"),
    "",
    " ",
    "null",
    "{}",
    '{"path": "a"',
    '{"path": "' + HALF + '"}',
    '{"path": "\\ud83d"}',
    HALF,
    HALF + "\ude00",
    "a\0b\x1b[2J",
    "x" * 6000,
    [],
    {},
    [1],
    {"a": 1},
    [HALF],
    {HALF: 1},
    [["x"]],
    [None],
    [{}],
    deep(70),
    deep(300),
    [{"type": "text", "text": HALF}],
    {"message": HALF, "code": HALF},
)

CALLS = (
    {"id": "c1", "type": "function", "function": {"name": "files__read", "arguments": "{}"}},
    {
        "id": "c2",
        "type": "function",
        "function": {"name": "files__read", "arguments": '{"path":"b"}'},
    },
    {"id": "c1", "function": {"name": "complete_task", "arguments": '{"summary": "ok"}'}},
)


def chat(pick: random.Random) -> Any:
    """A chat completion as one of many servers would send it."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": pick.choice(["hi", None, "", "ü" * 9]),
    }
    calls = copy.deepcopy(pick.sample(CALLS, pick.randrange(4)))
    if calls:
        message["tool_calls"] = calls
    if pick.random() < 0.3:
        message["reasoning_details"] = [{"type": "reasoning.text", "index": 0, "text": "hm"}]
    if pick.random() < 0.1:
        message["function_call"] = {"name": "complete_task", "arguments": "{}"}
    reason = pick.choice(["stop", "tool_calls", "length", "content_filter", None])
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    choices = [{"index": 0, "message": message, "finish_reason": reason}]
    if pick.random() < 0.1:
        choices.append({"index": 1, "message": {"content": "more"}, "finish_reason": "stop"})
    return {"id": "chatcmpl-1", "object": "chat.completion", "choices": choices, "usage": usage}


def chat_chunks(whole: Any, pick: random.Random) -> list[Any]:
    """The chunks of a completion, in one of the ways in which servers cut it."""
    way = pick.choice(["openai", "same_index", "no_index", "repeated", "objects"])
    choice = whole["choices"][0]
    message = choice["message"]
    found: list[Any] = [_chunk({"role": "assistant", "content": ""})]
    for name in ("content", "reasoning_details"):
        if value := message.get(name):
            pieces = _cut(value, pick) if isinstance(value, str) else [value]
            found += [_chunk({name: piece}) for piece in pieces]
    for index, call in enumerate(message.get("tool_calls", ())):
        found += [_chunk({"tool_calls": [part]}) for part in _parts(call, index, way, pick)]
    found.append({**_chunk({}), "usage": whole["usage"]})
    found[-1]["choices"][0]["finish_reason"] = choice["finish_reason"]
    return found


def _parts(call: Any, index: int, way: str, pick: random.Random) -> Iterator[Any]:
    function = call["function"]
    head = {"index": 0 if way == "same_index" else index, **call}
    if way == "no_index":
        del head["index"]
    if way in {"same_index", "objects"}:
        given = json.loads(function["arguments"]) if way == "objects" else function["arguments"]
        yield {**head, "function": {**function, "arguments": given}}
        return
    yield {**head, "function": {"name": function["name"], "arguments": ""}}
    for piece in _cut(function["arguments"], pick):
        said = {"arguments": piece}
        if way == "repeated":
            yield {**head, "function": {"name": function["name"], **said}}
        else:
            yield {key: value for key, value in head.items() if key == "index"} | {"function": said}


def _chunk(delta: Any) -> Any:
    return {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def _cut(said: str, pick: random.Random) -> list[str]:
    size = pick.choice([1, 2, 5, 1000])
    return [said[at : at + size] for at in range(0, len(said), size)]


def message(pick: random.Random) -> Any:
    """An Anthropic message."""
    blocks: list[Any] = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "hi", "citations": [{"type": "page"}]},
        {"type": "tool_use", "id": "t1", "name": "files__read", "input": {"path": "a"}},
        {"type": "tool_use", "id": "t1", "name": "complete_task", "input": {}},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
    ]
    blocks = copy.deepcopy([block for block in blocks if pick.random() < 0.6])
    stops = ["end_turn", "tool_use", "max_tokens", "pause_turn", "refusal"]
    usage = {"input_tokens": 5, "output_tokens": 2, "cache_read_input_tokens": 1}
    stop = pick.choice(stops)
    return {"id": "m", "type": "message", "content": blocks, "stop_reason": stop, "usage": usage}


def message_events(whole: Any, pick: random.Random) -> list[Any]:
    """The events of a message."""
    start = {"id": whole["id"], "usage": {"input_tokens": 5}}
    found: list[Any] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(whole["content"]):
        begun = {key: value for key, value in block.items() if key in {"type", "id", "name"}}
        found.append({"type": "content_block_start", "index": index, "content_block": begun})
        found += [
            {"type": "content_block_delta", "index": index, "delta": delta}
            for delta in _deltas(block, pick)
        ]
        found.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": whole["stop_reason"]}
    return [
        *found,
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]


def _deltas(block: Any, pick: random.Random) -> Iterator[Any]:
    if "input" in block:
        for piece in _cut(json.dumps(block["input"]), pick):
            yield {"type": "input_json_delta", "partial_json": piece}
    for name in ("text", "thinking", "signature"):
        if name in block:
            for piece in _cut(block[name], pick):
                yield {"type": f"{name}_delta", name: piece}


def errors(pick: random.Random) -> Any:
    """An error body in one of the forms that servers have."""
    said = pick.choice(
        ["no", HALF, "prompt is too long", "<b>x</b>", '{"error": {"message": "in"}}']
    )
    return pick.choice(
        [
            {"error": {"message": said, "type": "x", "code": "y"}},
            {"error": said},
            {"message": said, "code": 400},
            [{"error": {"message": said, "details": [{"retryDelay": "3s"}]}}],
            {"detail": [{"loc": ["a"], "msg": said}]},
            {"errors": [{"message": said}]},
            said,
        ]
    )


def calls_of(whole: Any) -> list[tuple[str, Any]]:
    """Names and arguments of the calls of a whole answer that are objects."""
    if "choices" in whole:
        messages = [choice["message"] for choice in whole["choices"]]
        functions = [call["function"] for m in messages for call in m.get("tool_calls", ())]
        functions += [m["function_call"] for m in messages if "function_call" in m]
        return [(f["name"], json.loads(f["arguments"])) for f in functions]
    return [(b["name"], b["input"]) for b in whole["content"] if b["type"] == "tool_use"]


def mutated(value: Any, pick: random.Random) -> Any:
    """The value with one to three places changed, left out or doubled."""
    found = copy.deepcopy(value)
    for _ in range(pick.choice([0, 1, 1, 1, 2, 3])):
        places = list(_places(found))
        if not places:
            return pick.choice(VALUES)
        *before, last = pick.choice(places)
        inner = found
        for step in before:
            inner = inner[step]
        how = pick.random()
        if how < 0.75:
            inner[last] = copy.deepcopy(pick.choice(VALUES))
        elif how < 0.85 and isinstance(inner, list):
            inner.insert(pick.randrange(len(inner) + 1), copy.deepcopy(inner[last]))
        else:
            del inner[last]
    return found


def _places(value: Any, before: Path = ()) -> Iterator[Path]:
    if len(before) > 12:
        return
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in inner:
        yield (*before, key)
        yield from _places(item, (*before, key))
