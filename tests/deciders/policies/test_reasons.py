"""Why a model calls a tool: asked by its schema, recorded, no argument of the tool [79, 148]."""

from __future__ import annotations

import json
from typing import TypeVar

import pytest

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.calls import ModelWork, ToolWork
from runfold.events.contents.content import content, json_content
from runfold.events.definitions import ToolContract
from runfold.events.values import ModelAnswer
from runfold.processors.run.agent.tools.reasons import PROPERTY, are_asked, parted
from runfold.processors.run.dispatch import dispatch
from tests.deciders.given import (
    LOOK,
    SEND,
    WRITE,
    agent,
    answer,
    begun,
    call,
    came_back,
    definitions,
    request,
    tool,
)
from tests.spec import Story

F = TypeVar("F", bound=Fact)
WHY = "the renewal date is needed first"
CLOSED = {
    "type": "object",
    "properties": {"path": {"type": "string"}},
    "required": ["path"],
    "additionalProperties": False,
}


def story(*tools: ToolContract, **changes: object) -> Story:
    given = tools or (LOOK, WRITE, SEND)
    names = tuple(each.name for each in given)
    return Story(definitions(*given, agent(tools=names, **changes))).when(request())


def last(story_: Story, kind: type[F]) -> F:
    """The newest fact of a kind."""
    return next(fact for fact in reversed(story_.facts) if isinstance(fact, kind))


def saying(reason: object = WHY, name: str = "look", **more: object) -> ModelAnswer:
    asked = call(name, {"path": "a", PROPERTY: reason, **more})
    return ModelAnswer(tool_calls=(asked,), finish_reason="tool_calls")


def offered(story_: Story) -> dict[str, dict[str, object]]:
    """The schemas that the model is shown with the last call, by tool."""
    called = last(story_, j.ModelCalled)
    (work,) = dispatch(called, story_.run, story_.definitions)
    assert isinstance(work.record, ModelWork)
    return {each.name: json.loads(each.input_schema) for each in work.record.tools}


def test_every_tool_of_the_agent_asks_why_and_no_control_tool_does() -> None:
    shown = offered(story())
    asking = [name for name, schema in shown.items() if PROPERTY in schema["properties"]]  # type: ignore[operator]
    assert asking == ["look", "write", "send"]
    assert all(PROPERTY not in schema["required"] for schema in shown.values())  # type: ignore[operator]


def test_the_reason_is_recorded_and_the_tool_gets_its_arguments_alone() -> None:
    story_ = story(tool("look", risk_level=0, input_schema=CLOSED)).when(answer(answer=saying()))
    assert last(story_, j.ToolCallProposed).reason == WHY
    assert last(story_, j.ModelResponded).decision.summary == WHY
    (work,) = dispatch(last(story_, j.ToolCallStarted), story_.run, story_.definitions)
    assert isinstance(work.record, ToolWork)
    assert work.record.arguments == json_content({"path": "a"})
    assert story_.only(j.ToolCallProposed).arguments == json_content({"path": "a"})


def test_arguments_are_checked_without_it_before_a_person_is_asked() -> None:
    careful = tool("send", risk_level=3, input_schema=CLOSED)
    story_ = story(careful).when(answer(answer=saying(name="send")))
    assert last(story_, j.ApprovalRequested).arguments_digest == json_content({"path": "a"}).digest


def test_the_model_reads_its_own_words_again() -> None:
    story_ = story().when(answer(answer=saying())).when(came_back(2))
    (said,) = [m for m in story_.run.loop.transcript.messages if m.tool_calls]
    assert PROPERTY.encode() in (said.tool_calls[0].arguments.inline or b"")


def test_another_reason_does_not_make_another_call_of_an_identical_one() -> None:
    story_ = story(limits={"max_identical_calls": 1})
    story_ = story_.when(answer(answer=saying("once"))).when(came_back(2))
    story_ = story_.when(answer(answer=saying("again"), n=3))
    assert last(story_, j.LimitReached).limit == "max_identical_calls"


def test_without_a_reason_the_text_beside_the_call_is_it() -> None:
    story_ = story().when(answer(call("look")))
    assert last(story_, j.ToolCallProposed).reason == "so"
    assert last(story_, j.ModelResponded).decision.summary == "so"


@pytest.mark.parametrize("said", [7, "", "   ", None, ["x"]])
def test_what_is_no_text_is_no_reason_and_no_argument(said: object) -> None:
    story_ = story().when(answer(answer=saying(said)))
    assert last(story_, j.ToolCallProposed).reason == ""
    assert last(story_, j.ToolCallProposed).arguments == json_content({"path": "a"})


def test_a_reason_is_bounded_and_clean() -> None:
    half = content(
        json.dumps({"path": "a", PROPERTY: "\ud83d" + "x" * 9_000}).encode(), "application/json"
    )
    asked = call("look").model_copy(update={"arguments": half})
    said = ModelAnswer(tool_calls=(asked,), finish_reason="tool_calls")
    reason = last(story().when(answer(answer=said)), j.ToolCallProposed).reason
    assert (len(reason), reason[0]) == (200, "\N{REPLACEMENT CHARACTER}")


def test_several_calls_say_one_reason_each_once() -> None:
    calls = tuple(
        call("look", {"path": str(n), PROPERTY: why}, f"c{n}")
        for n, why in enumerate(("first", "second", "first"))
    )
    said = ModelAnswer(tool_calls=calls, finish_reason="tool_calls")
    decision = last(story().when(answer(answer=said)), j.ModelResponded).decision
    assert decision.summary == "first; second"


def test_a_completion_says_its_summary() -> None:
    asked = call("ask_human", {"question": "which one?"})
    said = ModelAnswer(tool_calls=(asked,), finish_reason="tool_calls")
    assert (
        last(begun().when(answer(answer=said)), j.ModelResponded).decision.summary == "which one?"
    )


def test_an_agent_may_do_without() -> None:
    story_ = story(ask_reasons=False)
    assert not any(PROPERTY in schema["properties"] for schema in offered(story_).values())  # type: ignore[operator]
    story_ = story_.when(answer(answer=saying()))
    assert PROPERTY.encode() in (last(story_, j.ToolCallProposed).arguments.inline or b"")


def test_a_tool_with_a_property_of_that_name_keeps_it() -> None:
    own = tool("look", risk_level=0, input_schema={"type": "object", "properties": {PROPERTY: {}}})
    story_ = story(own)
    assert offered(story_)["look"]["properties"] == {PROPERTY: {}}
    story_ = story_.when(answer(answer=saying()))
    assert PROPERTY.encode() in (last(story_, j.ToolCallProposed).arguments.inline or b"")
    assert last(story_, j.ToolCallProposed).reason == ""


def test_what_cannot_be_read_is_left_to_the_checks() -> None:
    deep = f'{{"path":"a","{PROPERTY}":{"[" * 600}{"]" * 600}}}'.encode()
    asked = call("look").model_copy(update={"arguments": content(deep, "application/json")})
    said = ModelAnswer(tool_calls=(asked,), finish_reason="tool_calls")
    story_ = story().when(answer(answer=said))
    assert last(story_, j.ToolCallProposed).arguments.inline == deep


def test_an_artifact_that_only_a_reason_names_is_not_known() -> None:
    story_ = story().when(answer(answer=saying("for report.pdf"))).when(came_back(2, "ok"))
    finish = call("complete_task", {"summary": "s", "artifacts": ["report.pdf"]})
    story_ = story_.when(answer(finish, n=3))
    assert "report.pdf" in last(story_, j.ToolCallDenied).reason


@pytest.mark.parametrize(
    ("written", "rest"),
    [
        ('{"call_reason": "w", "amount": 0.10000000000000000001, "n": 1e2}',
         '{"amount": 0.10000000000000000001,"n": 1e2}'),
        ('{ "n" : [{"call_reason": 2}] , "call_reason":"w" }', '{"n" : [{"call_reason": 2}]}'),
        ('{"call\\u005freason": "w", "z": "}\\"{", "a": 1}', '{"z": "}\\"{","a": 1}'),
        ('{"call_reason": "v", "a": 1, "call_reason": "w"}', '{"a": 1}'),
        ('\ufeff{"call_reason": "w"}', "{}"),
    ],
)  # fmt: skip
def test_the_rest_of_the_arguments_stays_as_it_was_written(written: str, rest: str) -> None:
    kept, reason = parted(content(written.encode(), "application/json"))
    assert (kept.inline, reason) == (rest.encode(), "w")


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object"}}},
        {"type": "object", "allOf": [{"properties": {PROPERTY: {"type": "string"}}}]},
        {"type": "object", "patternProperties": {"^call": {"type": "string"}}},
        {"type": "object", "additionalProperties": True},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {PROPERTY: {"type": "string"}}},
        {"type": "object", "required": [PROPERTY]},
    ],
)
def test_nothing_is_asked_where_the_property_may_be_the_tools_own(
    schema: dict[str, object],
) -> None:
    contract = LOOK.model_copy(update={"input_schema": schema})
    assert not are_asked(5, agent(), contract)
    plain = LOOK.model_copy(update={"input_schema": {**CLOSED, "title": "Look", "$defs": {}}})
    assert are_asked(5, agent(), plain)
