"""What a contract's schema can do to a decision: no hang, no fetch, no crash, one verdict."""

from __future__ import annotations

import json
from contextlib import nullcontext, suppress
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.contents.content import Content, content, json_content
from runfold.events.records import commands
from runfold.processors.run import behaviour as behaviours
from runfold.processors.run.replay import decisions
from tests.deciders.given import answer, call, control, tool
from tests.hard.deciding.given import COUNTED, RISKY, begun_with
from tests.hard.deciding.outside import OutsideError, nothing_outside
from tests.replay.frozen import HISTORIES, load
from tests.spec import Story

Schema = dict[str, Any]

LADDER: Schema = {
    "$ref": "#/$defs/l0",
    "$defs": {
        **{f"l{n}": {"anyOf": [{"$ref": f"#/$defs/l{n + 1}"}] * 2} for n in range(40)},
        "l40": {"required": ["never"]},
    },
}
TREE: Schema = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "anyOf": [
                {"properties": {"a": {"$ref": "#/$defs/node"}}, "required": ["x"]},
                {"properties": {"a": {"$ref": "#/$defs/node"}}, "required": ["y"]},
            ]
        }
    },
}


def nested(depth: int) -> Content:
    return content(b'{"a":' * depth + b"1" + b"}" * depth, "application/json")


UNFIT: dict[str, tuple[Schema, Content]] = {
    "no such type": ({"type": "objekt"}, json_content({})),
    "properties are a list": ({"properties": ["path"]}, json_content({"path": 1})),
    "a pattern that is none": ({"properties": {"a": {"pattern": "("}}}, json_content({"a": "b"})),
    "a back reference": ({"properties": {"a": {"pattern": r"(a)\1"}}}, json_content({"a": "b"})),
    "no such place": ({"$ref": "#/$defs/none"}, json_content({})),
    "a remote reference": ({"$ref": "http://127.0.0.1:9/s.json"}, json_content({})),
    "a file": ({"$ref": "file:///etc/hostname"}, json_content({})),
    "a remote draft": ({"$schema": "http://127.0.0.1:9/draft"}, json_content({})),
    "itself": ({"$ref": "#"}, json_content({})),
    "itself by two": (
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        json_content({}),
    ),
    "a union that unfolds": (LADDER, json_content({})),
    "deep arguments": (TREE, nested(1200)),
    "no JSON": ({}, content(b"{", "application/json")),
    "very long": ({}, content(b'{"a":"' + b"x" * 2_000_000 + b'"}', "application/json")),
    "half an emoji": (
        {"properties": {"a": {"pattern": "b"}}},
        content(b'{"a":"\\ud83d"}', "application/json"),
    ),
}


def denial(story: Story, arguments: Content) -> str:
    """What the model reads of a call with these arguments."""
    proposed = call("send").model_copy(update={"arguments": arguments})
    with nothing_outside():
        said = story.when(answer(proposed))
    assert "ApprovalRequested" not in said.names()
    return said.only(j.ToolCallDenied).reason


@pytest.mark.parametrize("name", UNFIT)
def test_what_cannot_be_checked_is_denied_and_nobody_is_asked(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema, arguments = UNFIT[name]
    story = begun_with(monkeypatch, COUNTED, tool("send", risk_level=3, input_schema=schema))
    assert "cannot be checked" in denial(story, arguments)


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "(a*)*b", "(.*a){25}$"])
def test_no_pattern_holds_a_lane(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = {"properties": {"a": {"pattern": pattern}}}
    story = begun_with(monkeypatch, COUNTED, tool("send", risk_level=3, input_schema=schema))
    assert "do not fit: $.a" in denial(story, json_content({"a": "a" * 20 + "!" * 20 + "\n"}))


def test_a_union_in_every_level_of_a_value_costs_its_product_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = begun_with(monkeypatch, COUNTED, tool("send", risk_level=3, input_schema=TREE))
    assert "do not fit" in denial(story, nested(60))


def test_a_number_of_thousands_of_digits_is_told_in_a_few_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schema = {"properties": {"a": {"multipleOf": 10**4000}}}
    story = begun_with(monkeypatch, COUNTED, tool("send", risk_level=3, input_schema=schema))
    assert len(denial(story, content(b'{"a":1.5}', "application/json"))) < 200


def test_equal_items_are_found_without_comparing_all_with_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schema = {"properties": {"a": {"uniqueItems": True}}}
    story = begun_with(monkeypatch, COUNTED, tool("send", risk_level=3, input_schema=schema))
    items = [{"n": n, "of": [n]} for n in range(10_000)]
    assert "two items are equal" in denial(story, json_content({"a": [*items, items[-1]]}))


def test_what_takes_too_many_steps_is_denied_after_the_same_step_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schema = {"properties": {"a": {"items": {"allOf": [{"type": "integer"}] * 30}}}}
    story = begun_with(monkeypatch, COUNTED, tool("send", risk_level=3, input_schema=schema))
    assert "more steps" in denial(story, json_content({"a": list(range(20_000))}))


def test_edited_arguments_that_cannot_be_checked_leave_the_call_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = begun_with(monkeypatch, COUNTED, RISKY).when(answer(call("send")))
    asked = story.only(j.ApprovalRequested)
    with nothing_outside():
        said = story.when(
            control(commands.ApproveToolCall, call_id=asked.call_id, arguments=nested(1200))
        )
    assert "cannot be checked" in said.only(j.RequestIgnored).reason


@pytest.mark.parametrize("number", range(behaviours.FIRST, COUNTED + 1))
@pytest.mark.parametrize("reference", ["http://127.0.0.1:9/s.json", "file:///etc/hostname"])
def test_no_behaviour_fetches_what_a_schema_refers_to(
    number: int, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = {"properties": {"path": {"$ref": reference}}}
    story = begun_with(monkeypatch, number, tool("send", risk_level=3, input_schema=schema))
    said = story
    # What an old behaviour raises is not judged here.
    with suppress(Exception) if number < COUNTED else nullcontext(), nothing_outside():
        said = story.when(answer(call("send")))
    assert "ApprovalRequested" not in said.names()


@pytest.mark.parametrize("name", HISTORIES)
def test_deciding_a_history_again_opens_nothing(name: str) -> None:
    rules, history = load(name)
    state = None
    for decision in decisions.decisions(event for _, event in history):
        with nothing_outside():
            assert decisions.redecide(state, decision, rules) is None
            state = decisions.fold(state, decision)


def test_the_guard_sees_files_and_sockets() -> None:
    with pytest.raises(OutsideError, match="open"), nothing_outside():
        json.loads(open("/etc/hostname").read())  # noqa: SIM115, PTH123
    import socket  # noqa: PLC0415

    with pytest.raises(OutsideError, match="socket"), nothing_outside():
        socket.socket()
