"""Any answer becomes a result that the log can carry: names, ids, counts, arguments [1, 10]."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.calls import ModelResult
from runfold.processors.model.providers import openai as chat_wire
from runfold.processors.model.providers.settings import ModelSettings
from tests.model import server
from tests.model.given import call, settings, tool, work
from tests.model.server import Answer, chat, chat_call, message

CLAUDE = "anthropic:claude-sonnet-4-5"
CODEC = Codec(LockRegistry())
HALF = "\ud83d"
TOOLS = (
    tool("files.read", path={"type": "string"}),
    tool("ping"),
    tool("write").model_copy(
        update={"input_schema": '{"type":"object","properties":{"a":{}},"required":["a"]}'}
    ),
)


@pytest.fixture
def provider() -> Iterator[server.Provider]:
    with server.provider() as found:
        yield found


def configured(provider: server.Provider) -> ModelSettings:
    prices = '{"*": {input_mtok: 1, output_mtok: 1}}'
    at = provider.address
    return settings(OPENAI_BASE_URL=at, ANTHROPIC_BASE_URL=at, RUNFOLD_PRICES=prices)


def ask(provider: server.Provider, body: Any, model: str = "openai:gpt-4o") -> ModelResult:
    provider.will(Answer(body=body))
    found = call(work(model=model, tools=TOOLS), configured(provider))
    assert CODEC.encode(topics.RESULTS, found)
    return found


def made(found: ModelResult) -> list[tuple[str, Any]]:
    """Names and arguments of what would run."""
    assert found.answer is not None, found.error
    calls = [each for each in found.answer.tool_calls if each.problem is None]
    return [(each.name, json.loads(each.arguments.inline or b"")) for each in calls]


def of_openai(name: Any, arguments: Any) -> Any:
    return chat(None, [chat_call("c", name, arguments)], "tool_calls")


def of_anthropic(name: Any, arguments: Any) -> Any:
    use = {"type": "tool_use", "id": "t", "name": name, "input": arguments}
    return message(use, stop="tool_use")


@pytest.mark.parametrize("arguments", ["", "  ", None, "null", "{}", {}])
def test_a_tool_without_arguments_may_be_given_none(
    provider: server.Provider, arguments: Any
) -> None:
    assert made(ask(provider, of_openai("ping", arguments))) == [("ping", {})]
    assert made(ask(provider, of_anthropic("ping", arguments or {}), CLAUDE)) == [("ping", {})]


def test_arguments_that_are_left_out_are_none(provider: server.Provider) -> None:
    bare = {"id": "c", "function": {"name": "ping"}}
    assert made(ask(provider, chat(None, [bare]))) == [("ping", {})]
    use = {"type": "tool_use", "id": "t", "name": "ping"}
    assert made(ask(provider, message(use), CLAUDE)) == [("ping", {})]
    assert made(ask(provider, message({**use, "input": None}), CLAUDE)) == [("ping", {})]


@pytest.mark.parametrize(
    "arguments", ["[]", '"{\\"a\\": 1}"', "1", [], 1, True, "nul", '{"a": 1', "{}{}"]
)
@pytest.mark.parametrize("name", ["ping", "write"])
def test_what_is_no_object_does_not_run(
    provider: server.Provider, arguments: Any, name: str
) -> None:
    found = ask(provider, of_openai(name, arguments))
    assert made(found) == []
    assert found.answer is not None
    assert found.answer.tool_calls[0].problem is not None


def test_the_word_null_is_no_argument_of_a_tool_that_needs_one(provider: server.Provider) -> None:
    assert made(ask(provider, of_openai("write", "null"))) == []


def test_an_object_is_taken_as_one(provider: server.Provider) -> None:
    assert made(ask(provider, of_openai("write", {"a": HALF + "\ude00"}))) == [
        ("write", {"a": "😀"})
    ]


@pytest.mark.parametrize("levels", [65, 300, 900])
@pytest.mark.parametrize("as_text", [True, False])
def test_arguments_that_are_nested_too_deep_do_not_run(
    provider: server.Provider, levels: int, as_text: bool
) -> None:
    said = '{"a":' * levels + "1" + "}" * levels
    found = ask(provider, of_openai("write", said if as_text else json.loads(said)))
    if found.answer is None:
        assert found.error is not None
        assert found.error.error_type == "malformed_response"
    else:
        assert made(found) == []


def test_sixty_levels_are_not_too_deep(provider: server.Provider) -> None:
    said = '{"a":' * 60 + "1" + "}" * 60
    assert made(ask(provider, of_openai("write", said))) == [("write", json.loads(said))]


NAMES = [
    "".join(random.Random(5).choices("abcdefgh", k=6000)),
    "x" + HALF,
    HALF * 300,
    "a\0b\x1b[2J\x9b",
    "\u202eevil",
    "ü" * 500,
]


@pytest.mark.parametrize("name", NAMES)
def test_names_and_ids_are_clean_and_bounded(provider: server.Provider, name: str) -> None:
    for body, model in (
        (
            chat(None, [{"id": name, "function": {"name": name, "arguments": "{}"}}]),
            "openai:gpt-4o",
        ),
        (message({"type": "tool_use", "id": name, "name": name, "input": {}}), CLAUDE),
    ):
        found = ask(provider, {**body, "id": name}, model)
        assert found.answer is not None, found.error
        for said in (
            found.response_id,
            *[s for c in found.answer.tool_calls for s in (c.id, c.name)],
        ):
            assert said is not None
            assert len(said) <= 200
            assert said.encode()
            assert not set(said) & {"\0", "\x1b", "\x9b"}


def test_halves_of_characters_in_what_is_said(provider: server.Provider) -> None:
    body = chat(f"half {HALF}", reasoning_content=f"{HALF}\ude00 {HALF}", **{HALF: HALF})
    found = ask(provider, body)
    assert found.answer is not None, found.error
    assert found.answer.text is not None
    assert (found.answer.text.inline or b"").decode() == "half \N{REPLACEMENT CHARACTER}"
    assert found.answer.opaque is not None
    assert "😀 \N{REPLACEMENT CHARACTER}" in (found.answer.opaque.inline or b"").decode()


@pytest.mark.parametrize("count", [2**63, 10**12, 10**30, 1e300])
@pytest.mark.parametrize("model", ["openai:gpt-4o", CLAUDE])
def test_counts_that_cannot_be_true_have_no_price_and_are_said(
    provider: server.Provider, count: Any, model: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = chat("x") if model != CLAUDE else message({"type": "text", "text": "x"})
    body["usage"] = dict.fromkeys(body["usage"], count)
    found = ask(provider, body, model)
    assert found.answer is not None, found.error
    assert found.usage is not None
    assert found.usage.input_tokens == found.usage.output_tokens == 10**12
    assert (found.cost, found.price) == (None, None)
    assert "has no price" in (found.attempts[0].message or "")
    assert "has no price" in caplog.text


def test_a_price_that_makes_no_sum_is_none(provider: server.Provider) -> None:
    provider.will(Answer(body=chat("x")))
    prices = '{"*": {input_mtok: 1e25, output_mtok: 1e25}}'
    found = call(work(), settings(OPENAI_BASE_URL=provider.address, RUNFOLD_PRICES=prices))
    assert found.answer is not None
    assert CODEC.encode(topics.RESULTS, found)


@pytest.mark.parametrize("count", [-1, "12", None, True, [], {}, float("nan"), 1.5])
def test_what_is_no_count_is_none(provider: server.Provider, count: Any) -> None:
    body = chat("x")
    body["usage"]["completion_tokens"] = count
    found = ask(provider, body)
    assert found.usage is not None
    assert found.usage.output_tokens == 0


@pytest.mark.parametrize("reason", [["stop"], {"a": 1}, 1, True, "", HALF, "x" * 6000])
@pytest.mark.parametrize("model", ["openai:gpt-4o", CLAUDE])
def test_a_reason_of_any_kind_is_understood(
    provider: server.Provider, reason: Any, model: str
) -> None:
    body = chat("x") if model != CLAUDE else message({"type": "text", "text": "x"})
    (body["choices"][0] if model != CLAUDE else body).update(
        {"finish_reason": reason, "stop_reason": reason}
    )
    found = ask(provider, body, model)
    assert found.answer is not None, found.error
    assert found.answer.finish_reason in {"stop", "other"}


@pytest.mark.parametrize("reason", ["error", "network_error"])
def test_a_server_that_failed_after_its_200_did_not_answer(
    provider: server.Provider, reason: str
) -> None:
    found = ask(provider, chat("half of", finish=reason))
    assert found.error is not None
    assert (found.error.error_type, found.error.retryable) == ("malformed_response", True)


def test_several_choices_make_one_answer(provider: server.Provider) -> None:
    body = chat("I look.")
    other = chat(None, [chat_call("c", "ping", "{}")], "tool_calls")["choices"][0]
    body["choices"].append({**other, "index": 1})
    found = ask(provider, body)
    assert made(found) == [("ping", {})]
    assert found.answer is not None
    assert found.answer.text is not None
    assert found.answer.text.inline == b"I look."


def test_a_thousand_calls_are_not_all_taken(provider: server.Provider) -> None:
    calls = [chat_call(f"c{at}", "ping", "{}") for at in range(1000)]
    found = ask(provider, chat(None, calls))
    assert len(made(found)) == 128
    assert "held 1000 calls" in (found.attempts[0].message or "")


def test_whatever_breaks_a_reader_is_a_fault_of_the_provider(
    provider: server.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: Any) -> Any:
        raise KeyError(HALF)

    monkeypatch.setattr(chat_wire, "_usage", broken)
    found = ask(provider, chat("x"))
    assert found.error is not None
    assert found.error.error_type == "malformed_response"
    assert "KeyError" in found.error.message
