"""Streamed answers say the same as those in one piece, and when their first token came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from runfold.events.calls import ModelResult, Outcome
from runfold.events.values import Usage
from runfold.processors.model.providers.settings import ModelSettings
from runfold.processors.model.providers.streams import events
from tests.model.given import call, work
from tests.model.server import Answer, Provider, chat, chat_call, message

STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}
ASKED = '{"stream":true,"temperature":0}'
CALLS = [chat_call("c1", "files_read", '{"path": "a"}'), chat_call("c2", "complete_task", "{}")]


def lines(found: Iterable[object], end: str = "data: [DONE]\n\n") -> bytes:
    said = "".join(f"event: x\ndata: {json.dumps(each)}\n\n" for each in found)
    return (": ping\n\n" + said + end).encode()


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> Any:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-1", "choices": [] if delta is None else [choice], **more}


def chat_chunks(whole: dict[str, Any]) -> list[Any]:
    """The chunks that a server makes of a whole chat completion."""
    choice = whole["choices"][0]
    said = choice["message"]
    found = [chunk({"role": "assistant", "content": ""})]
    found += [chunk({"reasoning_content": letter}) for letter in said.get("reasoning_content", "")]
    found += [chunk({"content": letter}) for letter in said["content"] or ""]
    for index, each in enumerate(said.get("tool_calls", ())):
        function = each["function"]
        head = {**each, "index": index, "function": {"name": function["name"], "arguments": ""}}
        found.append(chunk({"tool_calls": [head]}))
        found += [
            chunk({"tool_calls": [{"index": index, "function": {"arguments": letter}}]})
            for letter in function["arguments"]
        ]
    return [*found, chunk({}, choice["finish_reason"]), chunk(usage=whole["usage"])]


def message_events(whole: dict[str, Any]) -> list[Any]:
    """The events that a server makes of a whole message."""
    usage = whole["usage"]
    start = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    found: list[Any] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(whole["content"]):
        kind = block["type"]
        empty = {"tool_use": {"input": {}}, "text": {"text": ""}, "thinking": {"thinking": ""}}
        begun = {**{k: v for k, v in block.items() if k != "signature"}, **empty[kind]}
        found.append({"type": "content_block_start", "index": index, "content_block": begun})
        said = {
            "tool_use": lambda b: ("input_json_delta", "partial_json", json.dumps(b["input"])),
            "text": lambda b: ("text_delta", "text", b["text"]),
            "thinking": lambda b: ("thinking_delta", "thinking", b["thinking"]),
        }[kind](block)
        deltas = [{"type": said[0], said[1]: letter} for letter in said[2]]
        if "signature" in block:
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        found += [
            {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
        ]
        found.append({"type": "content_block_stop", "index": index})
    stop = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    out = {"output_tokens": usage["output_tokens"]}
    return [
        *found,
        {"type": "message_delta", "delta": stop, "usage": out},
        {"type": "message_stop"},
    ]


def ask(provider: Provider, both: ModelSettings, body: Any, **more: Any) -> ModelResult:
    headers = STREAM if isinstance(body, bytes) else {}
    provider.will(Answer(body=body, headers=headers))
    return call(work(parameters=ASKED, **more), both)


@pytest.mark.parametrize(
    "whole",
    [
        chat("Done."),
        chat("Grüße, 世界"),
        chat(None, CALLS, "tool_calls"),
        chat("I look.", CALLS[:1], "tool_calls", reasoning_content="hm"),
        chat("cut", [chat_call("c1", "files_read", '{"path": "')], "length"),
    ],
)
def test_a_streamed_chat_says_what_a_whole_one_says(
    openai: Provider, both: ModelSettings, whole: dict[str, Any]
) -> None:
    streamed = ask(openai, both, lines(chat_chunks(whole)))
    assert openai.asked[0].body["stream"] is True
    assert openai.asked[0].body["stream_options"] == {"include_usage": True}
    assert openai.asked[0].body["temperature"] == 0
    entire = ask(openai, both, whole)
    assert streamed.outcome is Outcome.SUCCEEDED, streamed.error
    assert streamed.answer == entire.answer
    assert (streamed.usage, streamed.cost) == (entire.usage, entire.cost)
    assert streamed.response_id == entire.response_id
    assert streamed.time_to_first_token_ms is not None
    assert 0 <= streamed.time_to_first_token_ms <= streamed.latency_ms
    # A server that takes no notice of the wish is understood all the same.
    assert entire.time_to_first_token_ms is None


@pytest.mark.parametrize(
    "whole",
    [
        message({"type": "text", "text": "Done."}),
        message(
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "t1", "name": "files_read", "input": {"path": "ä"}},
            {"type": "tool_use", "id": "t2", "name": "complete_task", "input": {}},
            stop="tool_use",
        ),
    ],
)
def test_a_streamed_message_says_what_a_whole_one_says(
    anthropic: Provider, both: ModelSettings, whole: dict[str, Any]
) -> None:
    model = "anthropic:claude-sonnet-4-5"
    streamed = ask(anthropic, both, lines(message_events(whole), ""), model=model)
    assert anthropic.asked[0].body["stream"] is True
    entire = ask(anthropic, both, whole, model=model)
    assert streamed.outcome is Outcome.SUCCEEDED, streamed.error
    assert streamed.answer == entire.answer
    assert (streamed.usage, streamed.cost) == (entire.usage, entire.cost)
    assert streamed.usage == Usage(
        input_tokens=1000, output_tokens=200, cache_read_tokens=400, cache_write_tokens=100
    )
    assert streamed.time_to_first_token_ms is not None


def test_who_does_not_ask_gets_no_stream(openai: Provider, both: ModelSettings) -> None:
    openai.will(Answer(body=chat("ok")))
    assert call(work(), both).time_to_first_token_ms is None
    assert "stream" not in openai.asked[0].body


def test_the_first_token_comes_before_the_last(openai: Provider, both: ModelSettings) -> None:
    first, rest = lines(chat_chunks(chat("a"))[:2], ""), lines(chat_chunks(chat("a"))[2:])
    ticks = iter(range(1000))
    openai.will(Answer(body=first + rest, headers=STREAM, drip_s=0.001))
    found = call(work(parameters=ASKED), both, clock=lambda: float(next(ticks)))
    assert found.time_to_first_token_ms is not None
    assert 0 < found.time_to_first_token_ms < found.latency_ms


@pytest.mark.parametrize(
    ("body", "error_type"),
    [
        (lines(chat_chunks(chat("half"))[:3], ""), "connection_lost"),
        (lines([chunk({"content": "a"}), {"error": {"message": "busy", "code": 503}}]), None),
        (lines([]), "connection_lost"),
        (b"data: {rubbish\n\n", "connection_lost"),
        (b": " + b"x" * 4_100_000, "malformed_response"),
    ],
)
def test_a_stream_that_fails_is_a_fault_of_the_provider(
    openai: Provider, both: ModelSettings, body: bytes, error_type: str | None
) -> None:
    found = ask(openai, both, body)
    assert found.outcome is Outcome.FAILED
    assert found.error is not None
    assert error_type in {None, found.error.error_type}, found.error


def test_an_anthropic_stream_may_end_in_an_error(anthropic: Provider, both: ModelSettings) -> None:
    begun = message_events(message({"type": "text", "text": "ab"}))[:4]
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    model = "anthropic:claude-sonnet-4-5"
    found = ask(anthropic, both, lines([*begun, error], ""), model=model)
    assert found.error is not None
    assert "Overloaded" in found.error.message
    cut = ask(anthropic, both, lines(begun, ""), model=model)
    assert cut.error is not None
    assert cut.error.error_type == "connection_lost"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_read_however_they_are_cut(size: int) -> None:
    said = 'data: {"a": "ü"}\r\n\r\n: no\nid: 3\ndata: {"b":\ndata: 2}\n\ndata: x\n\ndata: {"c": 3}'

    async def chunks() -> AsyncIterator[bytes]:
        data = said.encode()
        for start in range(0, len(data), size):
            yield data[start : start + size]

    async def read() -> list[dict[str, Any]]:
        return [event async for event in events(chunks())]

    assert asyncio.run(read()) == [{"a": "ü"}, {"b": 2}, {"c": 3}]
