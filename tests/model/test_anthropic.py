from __future__ import annotations

from typing import Any

import pytest

from runfold.events.calls import Outcome
from runfold.events.contents.content import text
from runfold.events.values import ProposedCall, Usage
from runfold.processors.model.providers.settings import ModelSettings
from runfold.processors.model.providers.wire import CUT_OFF
from tests.model.given import KEY, assistant, call, proposed, result, user, work
from tests.model.server import Answer, Provider, message

MODEL = "anthropic:claude-sonnet-4-5"
CACHED = {"cache_control": {"type": "ephemeral"}}


def ask(provider: Provider, both: ModelSettings, body: Any) -> Any:
    provider.will(Answer(body=body))
    found = call(work(model=MODEL), both)
    assert found.outcome is Outcome.SUCCEEDED, found.error
    return found


def test_usage_includes_the_cache(anthropic: Provider, both: ModelSettings) -> None:
    found = ask(anthropic, both, message({"type": "text", "text": "Done."}))
    assert found.answer.text.inline == b"Done."
    assert found.usage == Usage(
        input_tokens=1000, output_tokens=200, cache_read_tokens=400, cache_write_tokens=100
    )
    assert (found.model, found.provider, found.response_id) == (MODEL, "anthropic", "msg_1")


def test_the_request_merges_results_and_marks_the_cache(
    anthropic: Provider, both: ModelSettings
) -> None:
    anthropic.will(Answer(body=message({"type": "text", "text": "ok"})))
    broken = ProposedCall(id="c2", name="files.read", arguments=text("[oops"), problem="not JSON")
    history = (
        user("Look"),
        assistant("Reading.", proposed("c1", "files.read", {"path": "a"}), broken),
        user("hurry"),
        result("c1", {"lines": 3}),
        result("c2", "not JSON", is_error=True),
    )
    call(work(*history, model=MODEL), both)
    asked = anthropic.asked[0]
    assert asked.path == "/v1/messages"
    assert asked.headers["x-api-key"] == KEY
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert asked.body["system"] == [{"type": "text", "text": "You triage logs.", **CACHED}]
    assert asked.body["max_tokens"] == 8192
    assert [tool["name"] for tool in asked.body["tools"]] == ["files__read", "complete_task"]
    assert "cache_control" not in asked.body["tools"][0]
    assert asked.body["tools"][1]["cache_control"] == CACHED["cache_control"]
    first, second = (
        {"id": "c1", "input": {"path": "a"}},
        {
            "id": "c2",
            "input": {"unparsed_arguments": "[oops"},
        },
    )
    assert asked.body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Look"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Reading."},
                {"type": "tool_use", "name": "files__read", **first},
                {"type": "tool_use", "name": "files__read", **second},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": '{"lines":3}'},
                {
                    "type": "tool_result",
                    "tool_use_id": "c2",
                    "content": '"not JSON"',
                    "is_error": True,
                },
                {"type": "text", "text": "hurry", **CACHED},
            ],
        },
    ]


def test_several_requests_share_no_marked_schema(anthropic: Provider, both: ModelSettings) -> None:
    anthropic.will(Answer(body=message()))
    call(work(model=MODEL), both)
    call(work(model=MODEL), both)
    assert anthropic.asked[0].body == anthropic.asked[1].body


def test_thinking_is_kept_in_its_place(anthropic: Provider, both: ModelSettings) -> None:
    blocks = (
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "text", "text": "I read."},
        {"type": "tool_use", "id": "t1", "name": "files__read", "input": {"path": "x"}},
    )
    answer = ask(anthropic, both, message(*blocks, stop="tool_use")).answer
    assert answer.finish_reason == "tool_calls"
    assert [(c.id, c.name, c.arguments.inline) for c in answer.tool_calls] == [
        ("t1", "files.read", b'{"path":"x"}')
    ]
    spoken = assistant("I read.", *answer.tool_calls, opaque=answer.opaque)
    call(work(user("go"), spoken, result("t1", {}), model=MODEL), both)
    assert anthropic.asked[1].body["messages"][1]["content"] == list(blocks)


def test_an_answer_without_thinking_is_not_stored_twice(
    anthropic: Provider, both: ModelSettings
) -> None:
    assert ask(anthropic, both, message({"type": "text", "text": "x"})).answer.opaque is None


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("refusal", "refusal"),
        ("pause_turn", "other"),
    ],
)
def test_endings_are_normalised(
    anthropic: Provider, both: ModelSettings, stop: str, finish: str
) -> None:
    assert ask(anthropic, both, message(stop=stop)).answer.finish_reason == finish


def test_a_truncated_call_is_marked(anthropic: Provider, both: ModelSettings) -> None:
    block = {"type": "tool_use", "id": "t1", "name": "files__read", "input": {}}
    answer = ask(anthropic, both, message(block, stop="max_tokens")).answer
    assert answer.tool_calls[0].problem == CUT_OFF


def test_an_input_that_is_no_object_is_a_problem(anthropic: Provider, both: ModelSettings) -> None:
    block = {"type": "tool_use", "id": "t1", "name": "files__read", "input": [1]}
    made = ask(anthropic, both, message(block)).answer.tool_calls[0]
    assert (made.problem, made.arguments.inline) == ("the arguments are not a JSON object", b"[1]")


def test_an_empty_answer_can_be_sent_back(anthropic: Provider, both: ModelSettings) -> None:
    anthropic.will(Answer(body=message({"type": "text", "text": "ok"})))
    call(work(user("go"), assistant(None), user("Call a tool."), model=MODEL), both)
    said = anthropic.asked[0].body["messages"][1]["content"]
    assert said == [{"type": "text", "text": "(no answer)"}]
