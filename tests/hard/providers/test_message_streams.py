"""Streams of Anthropic's wire, as Anthropic and others speak it, are merged by evidence [7]."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runfold.events.values import ProposedCall
from runfold.processors.model.providers import anthropic
from runfold.processors.model.providers.streams.message import MessageAssembly
from runfold.processors.model.providers.tool_names import names_of
from tests.hard.providers.test_streams import BOTH, TARGET, WORK, A, B


def begun(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def use(index: int, id: str = "t1", name: str = "look", **more: Any) -> dict[str, Any]:  # noqa: A002
    return begun(index, type="tool_use", id=id, name=name, **{"input": {}, **more})


def gave(index: int | None, **delta: Any) -> dict[str, Any]:
    given = {} if index is None else {"index": index}
    return {"type": "content_block_delta", **given, "delta": delta}


def ended(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def spoken(
    *events: dict[str, Any], stop: str | None = "tool_use", last: bool = True
) -> list[ProposedCall]:
    assembly = MessageAssembly()
    assembly.take({"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 7}}})
    for event in events:
        assembly.take(event)
    more = {"usage": {"output_tokens": 3, "input_tokens": 0}}
    assembly.take({"type": "message_delta", "delta": {"stop_reason": stop}, **more})
    if last:
        assembly.take({"type": "message_stop"})
    body = assembly.body()
    assert body is not None
    found = anthropic.parse(body, WORK, TARGET, names_of(WORK))
    assert found.usage is not None
    assert (found.usage.input_tokens, found.usage.output_tokens) == (7, 3)
    return list(found.answer.tool_calls)


def json_delta(index: int | None, said: Any) -> dict[str, Any]:
    return gave(index, type="input_json_delta", partial_json=said)


@pytest.mark.parametrize(
    "events",
    [
        [use(0), json_delta(0, A[:4]), json_delta(0, A[4:]), ended(0),
         use(1, "t2"), json_delta(1, B), ended(1)],
        [use(0), json_delta(0, A), ended(0), use(0, "t2"), json_delta(0, B), ended(0)],
        [use(0), json_delta(None, A), use(1, "t2"), json_delta(None, B)],
        [use(0, input={"text": "A"}), ended(0), use(1, "t2", input={"text": "B"}), ended(1)],
        [use(0, input={"text": "A"}), json_delta(0, A), use(1, "t2"), json_delta(1, {"text": "B"})],
        [use(0), json_delta(0, A), use(1, "t1"), json_delta(1, B)],
    ],
)  # fmt: skip
def test_two_uses_come_out_however_a_server_cuts_them(events: list[Any]) -> None:
    for last in (True, False):
        found = spoken(*events, last=last)
        assert [(call.name, json.loads(call.arguments.inline or b"")) for call in found] == BOTH
        assert [call.problem for call in found] == [None, None]
        assert len({call.id for call in found}) == 2


@pytest.mark.parametrize(
    "events",
    [
        [use(0, input={"text": "B"}), json_delta(0, A), ended(0)],
        [use(0), json_delta(0, A[:-2]), ended(0)],
        [begun(0, type="tool_use", id="t", name="look"), json_delta(0, "[1]"), ended(0)],
        [json_delta(0, A)],
        [begun(0, type="tool_use", id="t", name="look")],
    ],
)
def test_an_input_that_is_not_whole_does_not_run(events: list[Any]) -> None:
    found = spoken(*events)
    assert len(found) == 1
    assert found[0].problem is not None


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"type": "error", "message": "Overloaded"},
        {"error": "Overloaded"},
    ],
)
def test_an_error_in_a_stream_keeps_its_words(event: dict[str, Any]) -> None:
    assembly = MessageAssembly()
    assembly.take(event)
    assert "Overloaded" in json.dumps(assembly.body())
