"""Streams of compatible servers are merged by evidence; what was not whole never runs [7]."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runfold.processors.model.providers import openai
from runfold.processors.model.providers.streams.chat import ChatAssembly
from runfold.processors.model.providers.streams.events import DONE
from runfold.processors.model.providers.tool_names import names_of
from runfold.processors.model.providers.wire import Target, WireAnswer
from tests.model.given import tool, work

WORK = work(tools=(tool("look"), tool("wait"), tool("files.read", path={"type": "string"})))
TARGET = Target("house", "m")


def part(index: int | None = None, id: str | None = None, **function: Any) -> dict[str, Any]:  # noqa: A002
    """One chunk's piece of a call."""
    given = {"index": index, "id": id, "function": function}
    return {key: value for key, value in given.items() if value is not None}


def streamed(*chunks: Any, finish: str | None = "tool_calls") -> WireAnswer:
    """The answer that chunks make; a list is of pieces of calls, a dict a whole delta."""
    assembly = ChatAssembly()
    for chunk in chunks:
        delta = {"tool_calls": chunk} if isinstance(chunk, list) else chunk
        assembly.take({"id": "r", "choices": [{"index": 0, "delta": delta}]})
    assembly.take({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    assembly.take(DONE)
    body = assembly.body()
    assert body is not None
    return openai.parse(body, WORK, TARGET, names_of(WORK))


def calls(found: WireAnswer) -> list[tuple[str, Any]]:
    """Names and arguments of what would run."""
    runnable = [call for call in found.answer.tool_calls if call.problem is None]
    return [(call.name, json.loads(call.arguments.inline or b"")) for call in runnable]


def problems(found: WireAnswer) -> list[str]:
    return [call.problem for call in found.answer.tool_calls if call.problem]


A, B = '{"text": "A"}', '{"text": "B"}'
BOTH = [("look", {"text": "A"}), ("look", {"text": "B"})]


@pytest.mark.parametrize(
    "chunks",
    [
        # as OpenAI does
        [[part(0, "x", name="look", arguments="")], [part(0, arguments=A)],
         [part(1, "y", name="look", arguments="")], [part(1, arguments=B)]],
        # pieces of two calls take turns
        [[part(0, "x", name="look"), part(1, "y", name="look")],
         [part(0, arguments=A[:4]), part(1, arguments=B[:7])],
         [part(1, arguments=B[7:]), part(0, arguments=A[4:])]],
        # all calls at index 0
        [[part(0, "x", name="look", arguments=A)], [part(0, "y", name="look", arguments=B)]],
        # at index 0, in pieces
        [[part(0, "x", name="look", arguments=A[:5])], [part(0, arguments=A[5:])],
         [part(0, "y", name="look", arguments=B[:5])], [part(0, arguments=B[5:])]],
        # at index 0, and no ids at all
        [[part(0, name="look", arguments=A)], [part(0, name="look", arguments=B)]],
        # no index
        [[part(None, "x", name="look", arguments=A)], [part(None, "y", name="look", arguments=B)]],
        [[part(None, "x", name="look")], [part(arguments=A)],
         [part(None, "y", name="look")], [part(arguments=B)]],
        # neither index nor id
        [[part(name="look", arguments=A)], [part(name="look", arguments=B)]],
        # id and name in every chunk
        [[part(0, "x", name="look", arguments=piece)] for piece in A]
        + [[part(1, "y", name="look", arguments=piece)] for piece in B],
        # a new id in every chunk
        [[part(0, "x1", name="look", arguments=A[:3])],
         [part(0, "x2", name="look", arguments=A[3:])],
         [part(1, "y1", name="look", arguments=B[:3])],
         [part(1, "y2", name="look", arguments=B[3:])]],
        # the index counts chunks
        [[part(0, "x", name="look")], [part(1, arguments=A)],
         [part(2, "y", name="look")], [part(3, arguments=B)]],
        # the same id for both
        [[part(0, "x", name="look", arguments=A)], [part(1, "x", name="look", arguments=B)]],
        # each chunk repeats all that came before
        [[part(0, "x", name="look", arguments=A[:at])] for at in range(1, len(A) + 1)]
        + [[part(1, "y", name="look", arguments=B[:at])] for at in range(1, len(B) + 1)],
        # whole arguments once more at the end
        [[part(0, "x", name="look", arguments=A)], [part(1, "y", name="look", arguments=B)],
         [part(0, "x", name="look", arguments=A)], [part(1, "y", name="look", arguments=B)]],
        # objects
        [[part(0, "x", name="look", arguments={"text": "A"})],
         [part(1, "y", name="look", arguments={"text": "B"})]],
        [[part(0, "x", name="look", arguments={"text": "A"})],
         [part(0, "y", name="look", arguments={"text": "B"})]],
        # both in one chunk; an index that is a text
        [[part(0, "x", name="look", arguments=A), part(1, "y", name="look", arguments=B)]],
        [[{**part(id="x", name="look", arguments=A), "index": "0"}],
         [{**part(id="y", name="look", arguments=B), "index": "1"}]],
        # no function around name and arguments; one object where a list belongs
        [[{"index": 0, "id": "x", "name": "look", "arguments": A}],
         [{"index": 1, "id": "y", "name": "look", "arguments": B}]],
        [{"tool_calls": part(0, "x", name="look", arguments=A)},
         {"tool_calls": part(1, "y", name="look", arguments=B)}],
    ],
)  # fmt: skip
def test_two_calls_come_out_however_a_server_cuts_them(chunks: list[Any]) -> None:
    found = streamed(*chunks)
    assert calls(found) == BOTH
    assert problems(found) == []
    ids = [call.id for call in found.answer.tool_calls]
    assert len(set(ids)) == len(ids)


def test_an_object_is_never_taken_for_nothing() -> None:
    found = streamed([part(0, "x", name="look", arguments={"text": "KEEP"})])
    assert calls(found) == [("look", {"text": "KEEP"})]


def test_a_name_in_every_chunk_is_one_name() -> None:
    chunks = [[part(0, name="files__read", arguments=piece)] for piece in ("", '{"pa', 'th": "a"}')]
    assert calls(streamed(*chunks)) == [("files.read", {"path": "a"})]
    growing = [[part(0, "x", name="files")], [part(0, "x", name="files__read", arguments="{}")]]
    assert calls(streamed(*growing)) == [("files.read", {})]


def test_different_tools_at_one_index_are_different_calls() -> None:
    found = streamed(
        [part(0, "x", name="wait", arguments="")], [part(0, "y", name="look", arguments=A)]
    )
    assert calls(found) == [("wait", {}), ("look", {"text": "A"})]


@pytest.mark.parametrize(
    "chunks",
    [
        # Is the second the next call of the same tool, or the arguments of the first?
        [[part(0, "x", name="look", arguments="")], [part(0, "y", name="look", arguments=A)]],
        [[part(0, name="look", arguments="{}")], [part(0, name="look", arguments=A)]],
        # Two arguments for one call
        [[part(0, "x", name="look", arguments="{}")], [part(0, "x", name="look", arguments=A)]],
        [[part(0, "x", name="look", arguments="{}")], [part(0, arguments=A)]],
        [[part(0, "x", name="look", arguments={"a": 1})], [part(0, arguments={"a": 2})]],
        [[part(0, "x", name="look", arguments={"a": 1})], [part(0, arguments=A)]],
        # Cut off
        [[part(0, "x", name="look", arguments=A[:-2])]],
        [[part(0, "x", name="look", arguments=A[:-2])], [part(1, "y", name="look", arguments=A)]],
        # No name
        [[part(0, "x", arguments=A)]],
    ],
)  # fmt: skip
def test_what_is_not_certain_does_not_run(chunks: list[Any]) -> None:
    found = streamed(*chunks)
    assert ("look", {}) not in calls(found)
    assert len(problems(found)) == 1


def test_a_stream_without_a_reason_for_its_end_is_whole_where_it_is_done() -> None:
    assert calls(streamed([part(0, "x", name="look", arguments=A)], finish=None)) == BOTH[:1]
    doubtful = streamed([part(0, "x", name="look", arguments="")], finish=None)
    assert calls(doubtful) == []
    assert "ended before" in problems(doubtful)[0]
    cut = ChatAssembly()
    cut.take({"choices": [{"delta": {"tool_calls": [part(0, "x", name="look", arguments=A)]}}]})
    assert cut.body() is None


HALVES = ("\ud83d", "\ude00")


def test_halves_of_a_character_are_put_together() -> None:
    first, second = HALVES
    pieces = ['{"text": "', first, second, '"}']
    found = streamed(
        {"content": "a" + first},
        {"content": second + "b" + first},
        {"reasoning_content": first},
        {"reasoning_content": second},
        *[[part(0, "x", name="look", arguments=piece)] for piece in pieces],
    )
    assert found.answer.text is not None
    assert (found.answer.text.inline or b"").decode() == "a😀b\N{REPLACEMENT CHARACTER}"
    assert calls(found) == [("look", {"text": "😀"})]
    assert "😀" in (found.answer.opaque.inline or b"").decode() if found.answer.opaque else False


def test_half_a_character_in_arguments_does_not_run() -> None:
    found = streamed([part(0, "x", name="look", arguments='{"text": "\ud83d"}')])
    assert calls(found) == []
    assert "half a character" in problems(found)[0]


def test_contents_may_be_lists() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "h"}]}
    more = {"type": "thinking", "thinking": [{"type": "text", "text": "m"}]}
    said = [{"type": "text", "text": "I "}]
    found = streamed(
        {"content": [thinking]}, {"content": [more]}, {"content": said}, {"content": "do."}
    )
    assert found.answer.text is not None
    assert found.answer.text.inline == b"I do."
    assert b'"thinking":[{"text":"hm","type":"text"}]' in (found.answer.opaque.inline or b"")  # type: ignore[union-attr]


def test_reasoning_details_are_gathered() -> None:
    def detail(**more: Any) -> dict[str, Any]:
        return {"reasoning_details": [{"type": "reasoning.text", "index": 0, **more}]}

    sealed = {"type": "reasoning.encrypted", "index": 1, "data": "b64", "id": "r1"}
    found = streamed(
        detail(text="h"),
        detail(text="m"),
        detail(signature="sig"),
        {"reasoning_details": [sealed]},
        {"reasoning_details": [{**sealed, "data": "other", "id": "r2"}]},
    )
    kept = json.loads(found.answer.opaque.inline or b"") if found.answer.opaque else {}
    assert kept["items"]["reasoning_details"] == [
        {"type": "reasoning.text", "index": 0, "text": "hm", "signature": "sig"},
        sealed,
        {**sealed, "data": "other", "id": "r2"},
    ]


def test_several_choices_are_parts_of_one_answer() -> None:
    assembly = ChatAssembly()
    said = [
        {"index": 0, "delta": {"content": "I look."}},
        {"index": 1, "delta": {"tool_calls": [part(0, "x", name="look", arguments=A)]}},
    ]
    assembly.take({"choices": said})
    assembly.take({"choices": [{"index": 0, "finish_reason": "stop"}]})
    assembly.take({"choices": [{"index": 1, "finish_reason": "tool_calls"}]})
    found = openai.parse(assembly.body(), WORK, TARGET, names_of(WORK))
    assert calls(found) == BOTH[:1]
    assert found.answer.text is not None
    assert found.answer.text.inline == b"I look."


def test_the_legacy_call_is_one() -> None:
    found = streamed(
        {"function_call": {"name": "look", "arguments": A[:3]}},
        {"function_call": {"arguments": A[3:]}},
        finish="function_call",
    )
    assert calls(found) == BOTH[:1]
    whole = {"role": "assistant", "function_call": {"name": "look", "arguments": A}}
    body = {"choices": [{"message": whole, "finish_reason": "function_call"}]}
    assert calls(openai.parse(body, WORK, TARGET, names_of(WORK))) == BOTH[:1]


def test_extras_of_calls_are_kept() -> None:
    extra = {"extra_content": {"google": {"thought_signature": "sig=="}}}
    found = streamed([{**part(0, "x", name="look", arguments=A), **extra}])
    kept = json.loads(found.answer.opaque.inline or b"") if found.answer.opaque else {}
    assert kept["calls"] == {"0": extra}
