from __future__ import annotations

from typing import Any

import pytest

from runfold.events.calls import Outcome
from runfold.events.contents.content import text
from runfold.events.values import ProposedCall, Usage
from runfold.processors.model.providers.settings import ModelSettings
from runfold.processors.model.providers.wire import CUT_OFF
from runfold.processors.model.providers.wire import proposed as wire_proposed
from tests.model.given import KEY, assistant, call, proposed, result, user, work
from tests.model.server import Answer, Provider, chat, chat_call, message


def ask(provider: Provider, both: ModelSettings, body: Any, **more: Any) -> Any:
    provider.will(Answer(body=body))
    found = call(work(**more), both)
    assert found.outcome is Outcome.SUCCEEDED, found.error
    return found


def test_an_answer_comes_back_with_usage_and_provider(
    openai: Provider, both: ModelSettings
) -> None:
    found = ask(openai, both, chat("Done."))
    assert found.answer.text.inline == b"Done."
    assert found.answer.finish_reason == "stop"
    assert (found.model, found.provider, found.response_id) == (
        "openai:gpt-4o",
        "openai",
        "chatcmpl-1",
    )
    assert found.usage == Usage(
        input_tokens=1000, output_tokens=200, cache_read_tokens=400, reasoning_tokens=50
    )
    assert [(a.model, a.error_type) for a in found.attempts] == [("openai:gpt-4o", None)]


def test_the_request_is_a_chat_completion(openai: Provider, both: ModelSettings) -> None:
    openai.will(Answer(body=chat("ok")))
    history = (
        user("Look"),
        assistant("", proposed("c1", "files.read", {"path": "a"}), proposed("c2", "x y", {})),
        user("hurry"),
        result("c1", {"lines": 3}),
        result("c2", {"error": "no such tool"}, is_error=True),
    )
    call(work(*history, parameters='{"temperature":0,"n":2}', max_output_tokens=9), both)
    asked = openai.asked[0]
    assert asked.path == "/chat/completions"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.body == {
        "model": "gpt-4o",
        "temperature": 0,
        "max_tokens": 9,
        "messages": [
            {"role": "system", "content": "You triage logs."},
            {"role": "user", "content": "Look"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    chat_call("c1", "files__read", '{"path": "a"}'),
                    chat_call("c2", "x__y", "{}"),
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": '{"lines":3}'},
            {"role": "tool", "tool_call_id": "c2", "content": 'Error: {"error":"no such tool"}'},
            {"role": "user", "content": "hurry"},
        ],
        "tools": asked.body["tools"],
    }
    assert asked.body["tools"][0]["function"] == {
        "name": "files__read",
        "description": "does files.read",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
    }


def test_parallel_calls_get_our_names_back(openai: Provider, both: ModelSettings) -> None:
    calls = [
        chat_call("c1", "files__read", '{"path": "b"}'),
        chat_call("c2", "rm_rf", ""),
    ]
    found = ask(openai, both, chat(None, calls))
    assert found.answer.finish_reason == "tool_calls"
    assert [(c.id, c.name, c.arguments.inline, c.problem) for c in found.answer.tool_calls] == [
        ("c1", "files.read", b'{"path":"b"}', None),
        ("c2", "rm_rf", b"{}", None),
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ('{"path": ', "not JSON"),
        ("[1]", "not a JSON object"),
        ('"x"', "not a JSON object"),
        ('{"x": NaN}', "JSON cannot carry"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_malformed_arguments_are_kept_with_a_problem(
    openai: Provider, both: ModelSettings, arguments: str, problem: str
) -> None:
    found = ask(openai, both, chat(None, [chat_call("c1", "files__read", arguments)]))
    made = found.answer.tool_calls[0]
    assert problem in made.problem
    assert made.arguments.inline == arguments.encode()


@pytest.mark.parametrize("said", ['{"x": "\\ud800"}', '{"x": NaN}', "[" * 100_000])
@pytest.mark.parametrize("model", ["openai:gpt-4o", "anthropic:claude-sonnet-4-5"])
def test_arguments_that_no_wire_carries_go_back_quoted(
    openai: Provider, anthropic: Provider, both: ModelSettings, model: str, said: str
) -> None:
    openai.will(Answer(body=chat("ok")))
    anthropic.will(Answer(body=message()))
    made = wire_proposed("c", "files.read", said)
    assert made.problem is not None
    found = call(work(user("go"), assistant(None, made), result("c", "bad"), model=model), both)
    assert found.outcome is Outcome.SUCCEEDED
    assert "unparsed_arguments" in str((openai.asked + anthropic.asked)[0].body["messages"])


def test_malformed_arguments_go_back_as_an_object(openai: Provider, both: ModelSettings) -> None:
    openai.will(Answer(body=chat("ok")))
    broken = ProposedCall(id="c", name="files.read", arguments=text('{"path'), problem="not JSON")
    call(work(user("go"), assistant(None, broken), result("c", "bad", is_error=True)), both)
    sent = openai.asked[0].body["messages"][2]["tool_calls"][0]["function"]["arguments"]
    assert sent == '{"unparsed_arguments": "{\\"path"}'


def test_a_truncated_answer_marks_its_last_call(openai: Provider, both: ModelSettings) -> None:
    calls = [chat_call("c1", "files__read", "{}"), chat_call("c2", "files__read", "{}")]
    found = ask(openai, both, chat(None, calls, finish="length"))
    assert found.answer.finish_reason == "length"
    assert [made.problem for made in found.answer.tool_calls] == [None, CUT_OFF]


@pytest.mark.parametrize(
    ("body", "finish", "said"),
    [
        (chat(None, refusal="I must not."), "refusal", b"I must not."),
        (chat("half", finish="content_filter"), "refusal", b"half"),
        (chat("   "), "stop", None),
        (chat(None), "stop", None),
        (chat([{"type": "text", "text": "parts"}]), "stop", b"parts"),  # type: ignore[arg-type]
        (chat("odd", finish="who_knows"), "other", b"odd"),
    ],
)
def test_endings_are_normalised(
    openai: Provider, both: ModelSettings, body: Any, finish: str, said: bytes | None
) -> None:
    answer = ask(openai, both, body).answer
    assert answer.finish_reason == finish
    assert (answer.text.inline if answer.text else None) == said
    assert answer.tool_calls == ()


def test_reasoning_is_sent_back_verbatim_to_its_own_provider_only(
    openai: Provider, both: ModelSettings
) -> None:
    details = [{"type": "reasoning.encrypted", "data": "b64=="}]
    first = ask(openai, both, chat("hm", reasoning_details=details)).answer
    history = (user("go"), assistant("hm", opaque=first.opaque), user("on"))
    call(work(*history), both)
    assert openai.asked[1].body["messages"][2]["reasoning_details"] == details
    foreign = first.opaque.model_copy(
        update={"inline": first.opaque.inline.replace(b'"openai"', b'"other"')}
    )
    call(work(user("go"), assistant("hm", opaque=foreign)), both)
    assert openai.asked[2].body["messages"][2] == {"role": "assistant", "content": "hm"}


def test_missing_call_ids_are_made_up_the_same_every_time(
    openai: Provider, both: ModelSettings
) -> None:
    calls = [chat_call("", "files__read", "{}"), chat_call("", "files__read", "{}")]
    ids = [made.id for made in ask(openai, both, chat(None, calls)).answer.tool_calls]
    assert len(set(ids)) == 2
    assert all(len(found) <= 40 for found in ids)
    assert ids == [made.id for made in ask(openai, both, chat(None, calls)).answer.tool_calls]


def test_a_provider_that_reports_no_usage_is_unpriced(
    openai: Provider, both: ModelSettings
) -> None:
    body = chat("ok")
    del body["usage"]
    found = ask(openai, both, body)
    assert (found.usage, found.cost, found.price) == (None, None, None)
