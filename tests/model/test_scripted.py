from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from runfold.events.calls import Message, ModelResult, Outcome
from runfold.events.contents.content import Content
from runfold.events.definitions import ModelScript
from runfold.events.values import ModelAnswer, ProposedCall, Usage
from runfold.processors.model.processor import ModelProcessor
from tests.model.given import assistant, call, proposed, result, script, settings, user, work

STATS = {"lines": 9, "levels": {"ERROR": 2}, "top": [{"template": "a {{ b }}", "count": 2}]}


def play(model_script: ModelScript, *messages: Message, **more: Any) -> ModelResult:
    return call(work(*messages, model="scripted:demo", **more), None, model_script)


def answered(found: ModelResult) -> ModelAnswer:
    assert found.outcome is Outcome.SUCCEEDED, found.error
    assert found.answer is not None
    assert found.provider == "scripted"
    return found.answer


def arguments(made: ProposedCall) -> Any:
    return json.loads(_inline(made.arguments))


def _inline(content: Content | None) -> bytes:
    assert content is not None
    assert content.inline is not None
    return content.inline


def after_stats(value: object = STATS, *, is_error: bool = False) -> tuple[Message, ...]:
    """The context after one answer that called logs.stats."""
    return (
        user("Triage kafka.log"),
        assistant(None, proposed("c1", "logs.stats", {})),
        result("c1", value, is_error=is_error),
    )


def test_turns_are_played_by_the_answers_given() -> None:
    model_script = script(
        {"text": "one", "calls": [{"name": "a"}]}, {"calls": [{"name": "b"}, {"name": "c"}]}
    )
    first = answered(play(model_script))
    assert (_inline(first.text), [made.name for made in first.tool_calls]) == (b"one", ["a"])
    again = answered(play(model_script))
    assert again == first
    history = (user("go"), assistant("one", *first.tool_calls), result("x", {}))
    second = play(model_script, *history, call_id="run.2")
    assert [made.name for made in answered(second).tool_calls] == ["b", "c"]
    assert second.response_id == "demo@1.0.0#2"
    ids = {made.id for made in (*first.tool_calls, *answered(second).tool_calls)}
    assert len(ids) == 3


def test_a_script_published_just_now_is_found() -> None:
    known: dict[str, ModelScript] = {}

    def refresh() -> None:
        known["demo"] = script({"text": "new"})

    async def once() -> ModelResult:
        async with ModelProcessor(
            settings(), lambda name, _tenant: known.get(name), refresh=refresh
        ) as models:
            return await models.call(work(model="scripted:demo"))

    assert _inline(answered(asyncio.run(once())).text) == b"new"


def test_after_the_last_turn_the_task_is_completed() -> None:
    model_script = script({"text": "only"})
    found = answered(play(model_script, user("go"), assistant("only"), user("and now?")))
    assert [made.name for made in found.tool_calls] == ["complete_task"]
    assert "at its end" in arguments(found.tool_calls[0])["summary"]
    quiet = answered(play(model_script, user("go"), assistant("only"), tools=()))
    assert (quiet.tool_calls, quiet.finish_reason) == ((), "stop")


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{{ goal }}", "Triage kafka.log"),
        ("about {{goal}}!", "about Triage kafka.log!"),
        ("{{ last.result }}", STATS),
        ("{{ last.result.lines }}", 9),
        ("{{ last.tool }}: {{ last.is_error }}", "logs.stats: false"),
        ("{{ results.logs.stats.levels.ERROR }}", 2),
        ("{{ results.logs.stats.top[0].count }} times", "2 times"),
        ("{{ results.logs.stats.top }}", STATS["top"]),
        ("is {{ results.logs.stats.levels }}", 'is {"ERROR":2}'),
        ("{{ results[0].lines }}{{ results[-1].lines }}", "99"),
        ('{{ results["logs.stats"].levels["ERROR"] }}', 2),
        ("{{ results.logs.stats.levels.WARN ?? 0 }}", 0),
        ('{{ results.files.search.first ?? {"line": 1} }}', {"line": 1}),
        ("{{ results.logs.stats.top[0].template }}", "a {{ b }}"),
        ("no placeholder", "no placeholder"),
    ],
)
def test_templates_quote_the_run(template: str, filled: object) -> None:
    model_script = script({}, {"calls": [{"name": "t", "arguments": {"x": [template]}}]})
    made = answered(play(model_script, *after_stats())).tool_calls[0]
    assert arguments(made) == {"x": [filled]}


@pytest.mark.parametrize(
    "template",
    [
        "{{ results.logs.stats.nothing }}",
        "{{ results.other.x }}",
        "{{ results[5] }}",
        "{{ last.result.lines.deeper }}",
        "{{ last.result.top.count }}",
        "{{ last.result.top[9] }}",
        "{{ last.result.__class__ }}",
        "{{ __import__('os') }}",
        "{{ goal.upper }}",
        "{{ last.result.x ?? oops }}",
        "{{ results }}",
    ],
)
def test_a_placeholder_that_finds_nothing_is_the_scripts_fault(template: str) -> None:
    found = play(script({}, {"text": template}), *after_stats())
    assert found.error is not None
    assert (found.error.error_type, found.error.retryable) == ("playbook_error", False)
    assert "demo@1.0.0" in found.error.message


def test_the_longest_tool_name_and_the_latest_result_are_meant() -> None:
    history = (
        user("go"),
        assistant(None, *(proposed(i, n, {}) for i, n in [("1", "a"), ("2", "a.b"), ("3", "a.b")])),
        result("1", {"b": {"c": "of a"}}),
        result("2", {"c": "older"}),
        result("3", {"c": "newer"}),
    )
    found = answered(play(script({}, {"text": "{{ results.a.b.c }}"}), *history))
    assert _inline(found.text) == b"newer"


@pytest.mark.parametrize(
    ("when", "plays"),
    [
        ({"contains": "ERROR"}, True),
        ({"contains": "FATAL"}, False),
        ({"not_contains": "FATAL"}, True),
        ({"not_contains": "ERROR"}, False),
        ({"tool": "logs.stats"}, True),
        ({"tool": "files.read"}, False),
        ({"tool": "files.read", "not_contains": "x"}, False),
        ({"is_error": False}, True),
        ({"is_error": True}, False),
        ({"tool": "logs.stats", "path": "levels.ERROR", "above": 1}, True),
        ({"tool": "logs.stats", "path": "levels.ERROR", "above": 2}, False),
        ({"path": "levels.WARN", "above": 0}, False),
        ({"path": "top[0].count", "equals": 2}, True),
        ({"contains": "ERROR", "path": "lines", "equals": 1}, False),
    ],
)
def test_a_turn_whose_condition_does_not_hold_is_skipped(when: dict[str, Any], plays: bool) -> None:
    model_script = script({}, {"when": when, "text": "chosen"}, {"text": "skipped to"})
    expected = b"chosen" if plays else b"skipped to"
    assert _inline(answered(play(model_script, *after_stats())).text) == expected


def test_a_skipped_turn_stays_skipped_in_later_answers() -> None:
    model_script = script(
        {},
        {"when": {"contains": "ERROR"}, "text": "excerpt"},
        {"text": "report"},
        {"text": "end"},
    )
    clean, noisy = after_stats({"lines": 1}), after_stats()
    assert _inline(answered(play(model_script, *clean, assistant("report"))).text) == b"end"
    assert _inline(answered(play(model_script, *noisy, assistant("excerpt"))).text) == b"report"


def test_results_of_earlier_answers_are_not_looked_at() -> None:
    model_script = script({}, {}, {"when": {"contains": "ERROR"}, "text": "no"}, {"text": "yes"})
    later = (assistant(None, proposed("c2", "files.read", {})), result("c2", "calm"))
    assert _inline(answered(play(model_script, *after_stats(), *later)).text) == b"yes"


def test_without_a_new_result_a_condition_does_not_hold() -> None:
    model_script = script({"when": {"not_contains": "x"}, "text": "no"}, {"text": "yes"})
    assert _inline(answered(play(model_script, user("go"))).text) == b"yes"


def test_an_unknown_condition_is_the_scripts_fault() -> None:
    found = play(script({}, {"when": {"contain": "x"}}), *after_stats())
    assert found.error is not None
    assert "unknown condition contain" in found.error.message


@pytest.mark.parametrize(
    "turn",
    [
        {"usage": {"tokens": 1}},
        {"error": {"times": "often"}},
        {"when": {"path": "lines", "above": "much"}},
    ],
)
def test_a_turn_that_makes_no_sense_is_the_scripts_fault(turn: dict[str, Any]) -> None:
    found = play(script({}, turn), *after_stats())
    assert found.error is not None
    assert found.error.error_type == "playbook_error"


def test_a_scripted_fault_passes_with_the_attempts() -> None:
    fault = {"type": "overloaded", "message": "busy", "retry_after_ms": 5, "times": 2}
    model_script = script({"error": fault}, {"text": "then this"})
    for attempt in (1, 2):
        found = play(model_script, attempt=attempt)
        assert found.error is not None
        assert (found.error.error_type, found.error.retryable) == ("overloaded", True)
        assert (found.error.message, found.error.retry_after_ms) == ("busy", 5)
        assert len(found.attempts) == 1
    assert _inline(answered(play(model_script, attempt=3)).text) == b"then this"
    late = play(model_script, user("go"), assistant("then this"), attempt=1)
    assert answered(late).tool_calls[0].name == "complete_task"


def test_a_fault_can_precede_an_answer_of_its_own_turn() -> None:
    model_script = script({"error": {"type": "auth", "retryable": False}, "text": "after"})
    first = play(model_script)
    assert first.error is not None
    assert not first.error.retryable
    assert _inline(answered(play(model_script, attempt=2)).text) == b"after"


def test_arguments_as_text_play_a_model_that_writes_badly() -> None:
    model_script = script({"calls": [{"name": "files.read", "arguments": '{"path": '}]})
    made = answered(play(model_script)).tool_calls[0]
    assert made.problem is not None
    assert _inline(made.arguments) == b'{"path": '


def test_a_turn_takes_its_time_and_a_long_one_times_out() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    model_script = script({"delay_ms": 250, "text": "slow"})
    given = work(model="scripted:demo", timeout_ms=1000)
    assert call(given, None, model_script, sleep=sleep).outcome is Outcome.SUCCEEDED
    assert slept == [0.25]
    hasty = work(model="scripted:demo", timeout_ms=200)
    found = call(hasty, None, model_script, sleep=sleep)
    assert found.error is not None
    assert found.error.error_type == "timeout"


def test_tokens_are_reported_or_estimated() -> None:
    told = play(script({"text": "hi", "usage": {"input_tokens": 7, "output_tokens": 3}}))
    assert told.usage == Usage(input_tokens=7, output_tokens=3)
    estimated = play(script({"text": "12345678"}), user("x" * 400)).usage
    assert estimated is not None
    assert (estimated.input_tokens, estimated.output_tokens) == (105, 3)
