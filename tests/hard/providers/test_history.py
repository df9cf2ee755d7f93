"""What was said goes to each vendor in a form that it takes; extras to their own only [8]."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from runfold.events.calls import Message, ModelResult
from runfold.events.contents.content import json_content
from runfold.processors.model.processor import ModelProcessor
from runfold.processors.model.providers.history import SHORT_IDS, turns
from runfold.processors.model.providers.settings import ModelSettings
from tests.hard.providers.histories import HISTORIES
from tests.hard.providers.vendors import of_anthropic, of_openai
from tests.model import server
from tests.model.given import assistant, call, proposed, result, scripts, settings, user, work
from tests.model.server import Answer, chat, chat_call, error, message

CLAUDE = "anthropic:claude-sonnet-4-5"


@pytest.fixture
def openai() -> Iterator[server.Provider]:
    with server.provider() as found:
        found.will(Answer(body=chat("ok")))
        yield found


@pytest.fixture
def anthropic() -> Iterator[server.Provider]:
    with server.provider() as found:
        found.will(Answer(body=message({"type": "text", "text": "ok"})))
        yield found


@pytest.fixture
def both(openai: server.Provider, anthropic: server.Provider) -> ModelSettings:
    return settings(OPENAI_BASE_URL=openai.address, ANTHROPIC_BASE_URL=anthropic.address)


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("model", ["openai:gpt-4o", CLAUDE])
def test_a_history_is_made_fit(
    openai: server.Provider, anthropic: server.Provider, both: ModelSettings, model: str, name: str
) -> None:
    found = call(work(*HISTORIES[name], model=model), both)
    assert found.answer is not None, found.error
    if model == CLAUDE:
        assert of_anthropic(anthropic.asked[0].body) is None
    else:
        assert of_openai(openai.asked[0].body) is None


def test_each_result_stays_with_its_call(openai: server.Provider, both: ModelSettings) -> None:
    call(work(*HISTORIES["the same id twice in an answer"]), both)
    sent = openai.asked[0].body["messages"]
    first, second = [each["id"] for each in sent[2]["tool_calls"]]
    assert first == "c"
    assert [(m["tool_call_id"], m["content"]) for m in sent[3:]] == [(first, "1"), (second, "2")]


def test_ids_that_fit_stay_as_they_are_for_the_cache(
    openai: server.Provider, both: ModelSettings
) -> None:
    history = HISTORIES["the same id in every answer"]
    call(work(*history[:3]), both)
    call(work(*history), both)
    before, after = (asked.body["messages"] for asked in openai.asked)
    assert after[: len(before)] == before


def test_ids_for_mistral_are_nine_letters_and_digits() -> None:
    found = turns(HISTORIES["ids of another vendor"], SHORT_IDS)
    assert all(
        SHORT_IDS.fullmatch(each.id) for turn in found for m in turn for each in m.tool_calls
    )


def test_a_fallback_to_another_vendor_goes_on(
    openai: server.Provider, anthropic: server.Provider, both: ModelSettings
) -> None:
    openai.will(Answer(401, {}))
    history = HISTORIES["ids of another vendor"]
    found = call(work(*history, fallbacks=(CLAUDE,)), both)
    assert found.provider == "anthropic"
    assert of_anthropic(anthropic.asked[0].body) is None


def _then(
    both: ModelSettings, found: ModelResult, model: str, *more: Message, **given: Any
) -> ModelResult:
    """Ask again after an answer, with a result for each of its calls."""
    assert found.answer is not None, found.error
    answer = found.answer
    said = Message(
        role="assistant",  # type: ignore[arg-type]
        content=answer.text,
        tool_calls=answer.tool_calls,
        opaque=answer.opaque,
    )
    results = [result(each.id, "done") for each in answer.tool_calls]
    return call(work(user("go"), said, *results, *more, model=model, **given), both)


THINKING = {"type": "thinking", "thinking": "hm", "signature": "sig"}
USE = {"type": "tool_use", "id": "t1", "name": "files__read", "input": {"path": "a"}}
SERVED = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}}
SERVED_RESULT = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}


@pytest.mark.parametrize(
    ("blocks", "stop", "kept"),
    [
        ([THINKING], "end_turn", [THINKING]),
        ([{"type": "redacted_thinking", "data": "x"}], "end_turn", None),
        ([THINKING, {"type": "text", "text": ""}], "end_turn", [THINKING]),
        ([THINKING, {"type": "text", "text": " \n"}, USE], "tool_use", [THINKING, USE]),
        ([{"type": "thinking", "thinking": "hm", "signature": ""}], "max_tokens", []),
        ([THINKING, {**USE, "input": '{"pa'}], "max_tokens", [THINKING]),
        ([THINKING, {**USE, "name": "x" * 6000}], "tool_use", [THINKING]),
        ([THINKING, USE, {**USE, "input": {"path": "b"}}], "tool_use", [THINKING, USE]),
        (
            [THINKING, SERVED, SERVED_RESULT, USE],
            "tool_use",
            [THINKING, SERVED, SERVED_RESULT, USE],
        ),
        ([THINKING, SERVED, USE], "tool_use", [THINKING, USE]),
        ([], "end_turn", []),
    ],
)
def test_blocks_go_back_in_a_form_that_is_taken(
    anthropic: server.Provider,
    both: ModelSettings,
    blocks: list[Any],
    stop: str,
    kept: list[Any] | None,
) -> None:
    anthropic.will(Answer(body=message(*blocks, stop=stop)), Answer(body=message(stop="end_turn")))
    found = call(work(user("go"), model=CLAUDE), both)
    assert found.answer is not None, found.error
    more = () if found.answer.tool_calls else (user("Call a tool."),)
    _then(both, found, CLAUDE, *more)
    assert of_anthropic(anthropic.asked[1].body) is None
    sent = anthropic.asked[1].body["messages"][1]["content"]
    if kept is not None:
        assert [block for block in sent if block in blocks] == kept


def test_what_a_call_holds_is_not_kept_twice(
    anthropic: server.Provider, both: ModelSettings
) -> None:
    large = {**USE, "input": {"path": "a" * 1_000_000}}
    anthropic.will(Answer(body=message(THINKING, large, stop="tool_use")))
    found = call(work(user("go"), model=CLAUDE), both)
    assert found.answer is not None
    assert found.answer.opaque is not None
    assert found.answer.opaque.size < 1000
    _then(both, found, CLAUDE)
    assert anthropic.asked[1].body["messages"][1]["content"] == [THINKING, large]


def test_blocks_kept_by_an_earlier_version_are_read(
    anthropic: server.Provider, both: ModelSettings
) -> None:
    kept = json_content({"provider": "anthropic", "items": [THINKING, USE]})
    said = assistant(None, proposed("t1", "files.read", {"path": "a"}), opaque=kept)
    call(work(user("go"), said, result("t1", 1), model=CLAUDE), both)
    assert anthropic.asked[0].body["messages"][1]["content"] == [THINKING, USE]


EXTRA = {"extra_content": {"google": {"thought_signature": "sig=="}}}


def test_extras_of_calls_go_back_to_their_vendor_only(
    openai: server.Provider, anthropic: server.Provider, both: ModelSettings
) -> None:
    calls = [
        {**chat_call("c1", "files__read", "{}"), **EXTRA},
        chat_call("c2", "files__read", "{}"),
    ]
    openai.will(Answer(body=chat(None, calls)), Answer(body=chat("ok")))
    found = call(work(), both)
    _then(both, found, "openai:gpt-4o")
    sent = openai.asked[1].body["messages"][2]["tool_calls"]
    assert sent[0] == {**calls[0]}
    assert "extra_content" not in sent[1]
    _then(both, found, CLAUDE)
    assert "thought_signature" not in json.dumps(anthropic.asked[0].body)


def test_thinking_goes_to_no_other_vendor(
    openai: server.Provider, anthropic: server.Provider, both: ModelSettings
) -> None:
    anthropic.will(Answer(body=message(THINKING, USE, stop="tool_use")))
    found = call(work(user("go"), model=CLAUDE), both)
    _then(both, found, "openai:gpt-4o")
    assert of_openai(openai.asked[0].body) is None
    assert "hm" not in json.dumps(openai.asked[0].body)


def test_thinking_parts_of_a_content_go_back_as_they_were(
    openai: server.Provider, both: ModelSettings
) -> None:
    content = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "I see."}]
    openai.will(Answer(body=chat(content)), Answer(body=chat("ok")))  # type: ignore[arg-type]
    _then(both, call(work(), both), "openai:gpt-4o", user("on"))
    assert openai.asked[1].body["messages"][2]["content"] == content


def test_a_paused_answer_is_gone_on_with(anthropic: server.Provider, both: ModelSettings) -> None:
    first = message(THINKING, SERVED, stop="pause_turn")
    second = message(SERVED_RESULT, {"type": "text", "text": "Found."}, USE, stop="tool_use")
    anthropic.will(Answer(body=first), Answer(body=second))
    found = call(work(user("go"), model=CLAUDE), both)
    assert found.answer is not None
    assert anthropic.asked[1].body["messages"][1:] == [
        {"role": "assistant", "content": [THINKING, SERVED]}
    ]
    assert found.answer.finish_reason == "tool_calls"
    assert found.usage is not None
    assert (found.usage.input_tokens, found.usage.output_tokens) == (2000, 400)
    _then(both, found, CLAUDE)
    assert of_anthropic(anthropic.asked[2].body) is None
    assert anthropic.asked[2].body["messages"][1]["content"][:3] == [
        THINKING,
        SERVED,
        SERVED_RESULT,
    ]


def test_an_answer_that_pauses_for_ever_comes_to_an_end(
    anthropic: server.Provider, both: ModelSettings
) -> None:
    anthropic.will(Answer(body=message(SERVED, stop="pause_turn")))
    found = call(work(user("go"), model=CLAUDE), both)
    assert found.answer is not None
    assert found.answer.finish_reason == "other"
    assert len(anthropic.asked) < 20
    anthropic.will(Answer(body=message(stop="end_turn")))
    _then(both, found, CLAUDE, user("Call a tool."))
    assert of_anthropic(anthropic.asked[-1].body) is None


def test_a_fault_after_a_pause_is_the_fault_of_the_call(
    anthropic: server.Provider, both: ModelSettings
) -> None:
    anthropic.will(
        Answer(body=message(SERVED, stop="pause_turn")), Answer(400, error("x", "no more"))
    )
    found = call(work(user("go"), model=CLAUDE), both)
    assert found.error is not None
    assert "no more" in found.error.message


def test_a_server_sets_no_cookies(openai: server.Provider, both: ModelSettings) -> None:
    openai.will(Answer(body=chat("ok"), headers={"Set-Cookie": "who=you; Path=/"}))

    async def twice() -> None:
        async with ModelProcessor(both, scripts()) as models:
            await models.call(work())
            await models.call(work())

    asyncio.run(twice())
    assert "cookie" not in openai.asked[1].headers
