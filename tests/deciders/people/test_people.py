"""What people do to a run: approve, deny, edit, answer, pause, cancel, tell."""

from __future__ import annotations

from datetime import timedelta

from runfold.events import run as j
from runfold.events.contents.content import json_content, text
from runfold.events.records import commands
from runfold.events.values import Limits, RunStatus
from runfold.events.wording import plain
from runfold.processors.run.dispatch import dispatch
from runfold.processors.run.lifecycle.deadlines import next_timer
from tests.deciders.given import (
    LOOK,
    SEND,
    agent,
    answer,
    begun,
    call,
    came_back,
    control,
    definitions,
    done,
    request,
    tool,
)
from tests.spec import Story


def asking() -> Story:
    return begun().when(answer(call("write")))


def call_id(story: Story) -> str:
    return story.run.loop.calls[0].call_id


def test_a_risky_call_waits_for_a_person_and_says_so_in_a_checkpoint() -> None:
    run = asking()
    assert run.names() == [
        "ModelResponded",
        "ToolCallProposed",
        "PolicyDecided",
        "ApprovalRequested",
        "CheckpointWritten",
    ]
    assert run.run.status is RunStatus.WAITING_FOR_HUMAN
    assert run.only(j.CheckpointWritten).pending[0].approval == "pending"
    assert run.only(j.PolicyDecided).obligations == ("approval",)


def test_an_approved_call_starts() -> None:
    run = asking()
    run = run.when(control(commands.ApproveToolCall, call_id=call_id(run)))
    assert run.names() == ["ToolCallApproved", "ToolCallStarted"]
    assert run.only(j.ToolCallApproved).request_id == "r1"


def test_one_approval_is_not_spent_twice() -> None:
    run = asking()
    approve = control(commands.ApproveToolCall, call_id=call_id(run))
    run = run.when(approve)
    assert run.when(approve).said == ()
    again = control(commands.ApproveToolCall, request_id="r2", call_id=call_id(run))
    assert run.when(again).names() == ["RequestIgnored"]


def test_edited_arguments_are_what_the_tool_gets() -> None:
    run = asking()
    edited = json_content({"path": "elsewhere"})
    run = run.when(control(commands.ApproveToolCall, call_id=call_id(run), arguments=edited))
    started = run.only(j.ToolCallStarted)
    (work,) = dispatch(started, run.run, run.definitions)
    assert work.record.arguments == edited  # type: ignore[attr-defined]


def test_edited_arguments_that_do_not_fit_are_ignored_with_the_reason() -> None:
    run = asking()
    wrong = json_content({"path": 7})
    run = run.when(control(commands.ApproveToolCall, call_id=call_id(run), arguments=wrong))
    assert run.names() == ["RequestIgnored"]
    assert "path" in run.only(j.RequestIgnored).reason


def test_arguments_that_do_not_fit_are_never_shown_to_a_person() -> None:
    run = begun().when(answer(call("write", {"file": "a"})))
    assert "ApprovalRequested" not in run.names()
    assert "path" in run.only(j.ToolCallDenied).reason


def test_a_denied_call_is_not_made_and_the_model_is_told() -> None:
    run = asking()
    run = run.when(control(commands.DenyToolCall, call_id=call_id(run), reason="not today"))
    assert run.names() == ["ToolCallDenied", "ContextHydrated", "ModelCalled"]
    assert b"not today" in (run.run.loop.transcript.messages[-1].content.inline or b"")  # type: ignore[union-attr]


def test_an_approval_nobody_gives_expires() -> None:
    write = tool("write", risk_level=1, approval_timeout_ms=60_000)
    run = Story(definitions(LOOK, write, SEND, agent())).when(request(), answer(call("write")))
    timer = next_timer(run.run)
    assert timer is not None
    run = run.after(60).when(timer)
    assert "nobody answered" in run.only(j.ToolCallDenied).reason


def test_a_control_for_a_call_that_does_not_wait_says_why() -> None:
    run = begun().when(control(commands.ApproveToolCall, call_id="x.9"))
    assert run.names() == ["RequestIgnored"]
    assert "no open call" in plain(run.only(j.RequestIgnored).reason)


def test_another_tenant_cannot_touch_the_run() -> None:
    run = begun().when(control(commands.CancelRun, tenant_id="other"))
    assert run.names() == ["RequestIgnored"]


def test_the_agent_asks_and_a_person_answers() -> None:
    run = begun().when(answer(call("ask_human", {"question": "which file?"})))
    assert run.run.status is RunStatus.WAITING_FOR_HUMAN
    run = run.when(control(commands.AnswerQuestion, question_id=call_id(run), content=text("that")))
    assert run.names() == ["HumanInputReceived", "ContextHydrated", "ModelCalled"]
    assert run.run.loop.transcript.messages[-1].content == text("that")


def test_a_paused_run_takes_results_and_begins_nothing() -> None:
    run = begun().when(answer(call("look")), control(commands.PauseRun))
    assert run.run.status is RunStatus.PAUSED
    run = run.when(came_back(2))
    assert run.names() == ["ToolCallSucceeded", "CheckpointWritten"]
    assert run.run.status is RunStatus.PAUSED
    run = run.when(control(commands.ResumeRun, "r2"))
    assert run.names() == ["RunResumed", "ContextHydrated", "ModelCalled"]


def test_a_call_approved_while_paused_starts_when_resumed() -> None:
    run = asking().when(control(commands.PauseRun))
    run = run.when(control(commands.ApproveToolCall, "r2", call_id=call_id(run)))
    assert run.names() == ["ToolCallApproved"]
    assert run.when(control(commands.ResumeRun, "r3")).names() == ["RunResumed", "ToolCallStarted"]


def test_pausing_twice_and_resuming_a_running_run_are_ignored() -> None:
    assert begun().when(control(commands.ResumeRun)).names() == ["RequestIgnored"]
    run = begun().when(control(commands.PauseRun))
    assert run.when(control(commands.PauseRun, "r2")).names() == ["RequestIgnored"]


def test_cancel_ends_the_run_whatever_is_out() -> None:
    run = begun().when(answer(call("look")), control(commands.CancelRun, reason="enough"))
    assert run.only(j.RunCancelled).exit.exit_code == 5
    assert run.when(came_back(2)).said == ()


def test_a_message_enters_the_next_context_after_the_replies() -> None:
    run = begun().when(answer(call("look")), control(commands.SendMessage, content=text("hurry")))
    assert run.names() == ["UserMessageReceived"]
    run = run.when(came_back(2))
    assert [m.role.value for m in run.run.loop.transcript.messages][-2:] == ["tool", "user"]


def test_the_run_does_not_finish_over_an_unread_message() -> None:
    run = begun().when(control(commands.SendMessage, content=text("and b")), done())
    assert "new message" in run.only(j.ToolCallDenied).reason
    assert run.names()[-1] == "ModelCalled"
    assert run.when(done(n=3)).names()[-1] == "RunCompleted"


def test_edited_instructions_replace_the_agents_own() -> None:
    run = begun().when(
        control(commands.EditInstructions, content=text("be brief")), answer(call("look"))
    )
    run = run.when(came_back(2))
    (work,) = dispatch(run.only(j.ModelCalled), run.run, run.definitions)
    assert work.record.instructions == text("be brief")  # type: ignore[attr-defined]


def test_waiting_for_a_person_uses_up_no_working_time() -> None:
    limits = Limits(max_duration_ms=60_000)
    run = begun(limits=limits).when(answer(call("write")))
    assert next_timer(run.run) is None
    run = run.after(timedelta(days=2).total_seconds())
    run = run.when(control(commands.ApproveToolCall, call_id=call_id(run)))
    assert run.names() == ["ToolCallApproved", "ToolCallStarted"]
    timer = next_timer(run.run)
    assert timer is not None
    assert timer.kind == "duration"
    run = run.after(60).when(timer)
    assert run.only(j.LimitReached).limit == "max_duration_ms"
