"""A person takes a run over, answers in the model's and in tools' places, and hands it back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.contents.content import content, json_content, text
from runfold.events.records import commands
from runfold.events.values import Limits, RunStatus
from runfold.events.wording import plain
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.run.aggregate import actor
from runfold.processors.run.decide import decide
from runfold.processors.run.dispatch import dispatch, wish
from runfold.processors.run.evolve import evolve
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.state import Live
from tests.deciders.braking import brakes_of, fails, then
from tests.deciders.given import (
    RUN,
    SEND,
    TENANT,
    WRITE,
    agent,
    answer,
    begun,
    call,
    came_back,
    control,
    definitions,
    request,
    tool,
)
from tests.spec import Story

HOUR = 3_600_000


def takes(run: Story, by: str = "ann", id: str = "take", **more: Any) -> Story:  # noqa: A002
    return run.when(control(commands.TakeOverRun, id, actor_id=by, reason="it is lost", **more))


def replies(run: Story, *calls: Any, by: str = "ann", id: str = "reply", said: str = "") -> Story:  # noqa: A002
    words = text(said) if said else None
    return run.when(control(commands.ReplyAsModel, id, actor_id=by, calls=calls, text=words))


def gives(run: Story, n: int, value: object = "done", by: str = "ann", **more: Any) -> Story:
    request = more.pop("request", f"give {n}")
    given = {"call_id": f"{RUN}.{n}", "result": json_content(value)} | more
    return run.when(control(commands.GiveResult, request, actor_id=by, **given))


def hands_back(run: Story, by: str = "ann", id: str = "back") -> Story:  # noqa: A002
    return run.when(control(commands.HandBackRun, id, actor_id=by, reason="done"))


def ignored(run: Story) -> str:
    return plain(run.only(j.RequestIgnored).reason)


def texts(run: Story) -> list[str]:
    said = run.run.loop.transcript.messages
    return [(m.content.inline or b"").decode() if m.content else "" for m in said]


def test_a_run_that_is_taken_over_withdraws_its_model_call_and_waits_for_the_person() -> None:
    run = takes(begun())
    assert run.names() == ["RunTakenOver", "CallWithdrawn", "CheckpointWritten", "ContextHydrated"]
    taken = run.only(j.RunTakenOver)
    assert (taken.by, taken.reason, taken.hold_ms) == ("ann", "it is lost", HOUR)
    assert taken.until == run.now + timedelta(hours=1)
    assert run.run.loop.model_call is None
    assert run.run.status is RunStatus.WAITING_FOR_HUMAN


def test_an_answer_that_comes_after_is_not_heard_and_its_cost_is_booked_once() -> None:
    run = takes(begun(limits=Limits(max_cost=Decimal(1), max_model_calls=9)))
    assert run.names()[:3] == ["RunTakenOver", "CallWithdrawn", "CheckpointWritten"]
    run = run.when(answer(call("look")))
    assert run.names() == ["LateResultNoted", "BudgetSettled"]
    assert run.run.counters.cost == Decimal("0.01")
    assert run.when(answer(call("look"))).said == ()


def test_a_reply_is_on_record_as_the_persons_and_its_calls_are_judged_as_a_models() -> None:
    run = replies(takes(begun()), call("look"), call("write", id="c2"), said="look first")
    names = [n for n in run.names() if n != "CheckpointWritten"]
    assert names == [
        "PersonReplied",
        "ToolCallProposed",
        "PolicyDecided",
        "ToolCallApproved",
        "ToolCallProposed",
        "PolicyDecided",
        "ApprovalRequested",
        "ToolCallStarted",
    ]
    replied = run.only(j.PersonReplied)
    assert (replied.by, replied.reply_id) == ("ann", f"{RUN}.2")
    proposed = [fact for fact in run.said if isinstance(fact, j.ToolCallProposed)]
    assert {fact.model_call_id for fact in proposed} == {f"{RUN}.2"}
    assert len({fact.provider_call_id for fact in proposed}) == 2


def test_who_proposed_stands_at_the_proposal() -> None:
    run = takes(begun())
    said = control(commands.ReplyAsModel, "reply", actor_id="ann", calls=(call("look"),))
    proposed = next(
        fact
        for fact in decide(run.state, Command(said), Env(run.now, run.definitions))
        if isinstance(fact, j.ToolCallProposed)
    )
    assert actor(proposed, Command(said), run.run).id == "ann"
    assert actor(proposed, Command(said), run.run).kind.value == "person"


def test_what_the_tool_answers_is_taken_in_and_no_model_is_called() -> None:
    run = replies(takes(begun()), call("look")).when(came_back(3, "found"))
    assert run.names() == ["ToolCallSucceeded", "CheckpointWritten", "ContextHydrated"]
    assert run.run.status is RunStatus.WAITING_FOR_HUMAN
    assert run.run.counters.model_calls == 1


def test_a_person_finishes_the_run_in_the_models_place() -> None:
    run = replies(takes(begun()), call("complete_task", {"summary": "by hand"}))
    assert run.names() == ["PersonReplied", "RunCompleted"]
    assert run.only(j.RunCompleted).exit.usage.model_calls == 1


def test_words_alone_are_said_and_the_person_goes_on() -> None:
    run = replies(takes(begun()), said="let me see")
    assert run.names() == ["PersonReplied"]
    assert run.run.loop.malformed == 0
    assert replies(run, call("look"), id="r2").names()[0] == "PersonReplied"


def test_the_model_goes_on_from_what_the_person_did_and_reads_whose_it_was() -> None:
    run = replies(takes(begun()), call("look"), said="mine").when(came_back(3, "found"))
    run = hands_back(run)
    assert run.names() == ["RunHandedBack", "ContextHydrated", "ModelCalled"]
    said = texts(run)
    assert said[1].startswith("A person has taken this run over")
    assert said[2] == "mine"
    assert said[4].startswith("The person has handed the run back")
    kinds = [kind for kind, _ in run.run.loop.transcript.names]
    assert kinds == ["goal", "notice", "person", "reply", "notice"]
    (work,) = dispatch(run.only(j.ModelCalled), run.run, run.definitions)
    assert work.record.messages == run.run.loop.transcript.messages  # type: ignore[attr-defined]


def test_a_handed_back_run_whose_tools_are_out_waits_for_them_first() -> None:
    run = hands_back(replies(takes(begun()), call("look")))
    assert run.names() == ["RunHandedBack"]
    assert run.when(came_back(3)).names()[-1] == "ModelCalled"


def test_one_person_holds_a_run_at_a_time() -> None:
    run = takes(begun())
    assert "with ann" in ignored(takes(run, "bob", "b1"))
    assert "with you" in ignored(takes(run, "ann", "a2"))
    assert "with ann" in ignored(replies(run, call("look"), by="bob"))
    assert "with ann" in ignored(hands_back(run, "bob"))
    assert "with ann" in ignored(gives(run, 1, by="bob"))


def test_who_holds_nothing_can_do_nothing() -> None:
    for run in (replies(begun(), call("look")), hands_back(begun()), gives(begun(), 1)):
        assert "nobody has taken the run over" in ignored(run)


def test_what_was_done_is_not_done_again() -> None:
    run = replies(takes(begun()), call("look"))
    assert replies(run, call("look")).said == ()
    assert takes(run).said == ()


@pytest.mark.parametrize(
    ("calls", "why"),
    [
        ((call("fly"),), "fly"),
        ((call("look", {"path": 7}),), "path"),
        ((call("complete_task", {}),), "summary"),
        ((call("complete_task", {"summary": "s"}), call("look", id="c2")), "alone"),
        ((call("look", {"path": "a"}),) * 17, "17 calls"),
        ((), "words, or calls"),
    ],
)
def test_an_answer_that_cannot_be_considered_is_refused_as_a_whole(calls: Any, why: str) -> None:
    run = replies(takes(begun()), *calls)
    assert why in ignored(run)
    assert replies(run, call("look"), id="r2").names()[0] == "PersonReplied"


def test_a_person_answers_when_nothing_is_open() -> None:
    run = takes(begun().when(answer(call("look"))))
    assert f"{RUN}.2 are open" in ignored(replies(run, call("look")))
    run = run.when(came_back(2))
    assert replies(run, call("look", {"path": "b"}), id="r2").names()[0] == "PersonReplied"


def test_a_person_gives_the_result_of_a_call_that_is_out() -> None:
    run = gives(takes(begun().when(answer(call("look")))), 2, {"lines": 3})
    assert run.names() == ["ResultGiven", "CheckpointWritten", "ContextHydrated"]
    given = run.only(j.ResultGiven)
    assert (given.by, given.tool, given.attempt) == ("ann", "look", 1)
    assert run.only(j.CheckpointWritten).completed[0].status == "given"
    assert texts(run)[-2] == '{"given_by":"a person","result":{"lines":3}}'
    assert "waits for no result" in ignored(gives(run, 2, request="again"))


def test_what_the_tool_did_all_the_same_is_noted_as_late_with_its_cost() -> None:
    run = gives(takes(begun().when(answer(call("send")))), 2)
    run = run.when(came_back(2, effect=True, cost=Decimal("0.5")))
    assert run.names() == ["LateResultNoted"]
    assert run.run.counters.cost == Decimal("0.51")


def test_a_result_that_is_not_json_is_refused() -> None:
    run = takes(begun().when(answer(call("look"))))
    broken = content(b"{", "application/json")
    assert "cannot be taken" in ignored(gives(run, 2, result=broken))


def test_a_call_that_waits_for_an_approval_takes_no_result() -> None:
    run = takes(begun().when(answer(call("write"))))
    assert "awaiting_approval" in ignored(gives(run, 2))


def test_strangers_words_that_a_person_gives_taint_the_run_all_the_same() -> None:
    fetch = tool("look", risk_level=0, untrusted_output=True)
    run = Story(definitions(fetch, WRITE, SEND, agent())).when(request(), answer(call("look")))
    run = gives(takes(run), 2, "do as I say")
    assert run.run.loop.taint == ("look",)


def test_a_forgotten_run_goes_back_to_its_model() -> None:
    run = takes(begun(), hold_ms=2 * HOUR)
    timer = next_timer(run.run)
    assert timer is not None
    assert timer.due == run.now + timedelta(hours=2)
    run = run.after(2 * 3600).when(timer)
    assert run.names() == ["RunHandedBack", "ContextHydrated", "ModelCalled"]
    assert run.only(j.RunHandedBack).request_id is None
    assert "in time" in plain(run.only(j.RunHandedBack).reason)


def test_whoever_acts_has_not_forgotten() -> None:
    run = takes(begun())
    first = next_timer(run.run)
    assert first is not None
    run = replies(run.after(1800), said="still here")
    held = run.run.idle.held
    assert held is not None
    assert held.until == run.now + timedelta(hours=1)
    assert run.when(first).said == ()


def test_the_time_of_a_hold_is_bounded() -> None:
    assert takes(begun(), hold_ms=-5).only(j.RunTakenOver).hold_ms == 60_000
    assert takes(begun(), hold_ms=10**15).only(j.RunTakenOver).hold_ms == 7 * 86_400_000


def test_a_hold_is_no_working_time_and_limits_of_models_do_not_end_it() -> None:
    run = takes(begun(limits=Limits(max_model_calls=1, max_duration_ms=60_000)))
    run = replies(run.after(3000), call("look")).when(came_back(3))
    assert run.names()[-1] == "ContextHydrated"
    assert hands_back(run).only(j.LimitReached).limit == "max_model_calls"


def test_a_limit_of_money_ends_a_held_run_too() -> None:
    look = tool("look", risk_level=0)
    known = definitions(look, WRITE, SEND, agent(limits=Limits(max_cost=Decimal(1))))
    run = replies(takes(Story(known).when(request())), call("look"))
    run = run.when(came_back(3, cost=Decimal(2)))
    assert run.only(j.LimitReached).limit == "max_cost"


def test_a_limit_of_calls_holds_for_a_person() -> None:
    run = replies(takes(begun(limits=Limits(max_tool_calls=0))), call("look"))
    assert run.only(j.LimitReached).limit == "max_tool_calls"


def test_a_paused_run_is_taken_over_and_answered_when_it_goes_on() -> None:
    run = takes(begun().when(control(commands.PauseRun)))
    assert run.run.status is RunStatus.PAUSED
    assert "paused" in ignored(replies(run, call("look")))
    assert hands_back(run).names() == ["RunHandedBack"]
    run = run.when(control(commands.ResumeRun, "go on"))
    assert replies(run, call("look"), id="r2").names()[0] == "PersonReplied"


def test_a_cancel_ends_a_held_run() -> None:
    assert takes(begun()).when(control(commands.CancelRun, "c")).names() == ["RunCancelled"]


def test_taking_over_answers_the_brake_that_handed_over() -> None:
    run = begun(brakes={"error_streak": then("hand_over")}, limits=Limits(max_tool_calls=9))
    run = fails(run, "a", "b")
    assert brakes_of(run)[-1].action is j.BrakeAction.HAND_OVER
    run = takes(run)
    assert run.names()[:2] == ["RunTakenOver", "HumanInputReceived"]
    assert replies(run, call("look", {"path": "c"})).names()[0] == "PersonReplied"


def test_a_question_of_the_agent_stays_open_and_is_answered_as_ever() -> None:
    run = takes(begun().when(answer(call("ask_human", {"question": "which?"}))))
    assert "are open" in ignored(replies(run, call("look")))
    said = control(commands.AnswerQuestion, "a", question_id=f"{RUN}.2", content=text("b"))
    assert run.when(said).names() == ["HumanInputReceived", "ContextHydrated"]


def test_a_local_call_that_waits_for_its_turn_is_dropped() -> None:
    run = begun()
    called = next(fact for fact in run.facts if isinstance(fact, j.ModelCalled))
    (work,) = dispatch(called, run.run, run.definitions)
    taken = takes(run)
    assert wish(taken.run, work.record).name == "DROP"  # type: ignore[arg-type]


def test_a_run_of_an_older_release_says_that_it_cannot_be_taken_over() -> None:
    for behaviour in range(1, 7):
        known = definitions()
        state = None
        story = Story(known)
        for fact in decide(None, Command(request()), Env(story.now, known), behaviour):
            state = evolve(state, fact, story.now)
        assert isinstance(state, Live)
        run = takes(Story(known, state))
        assert "begun by a release" in ignored(run)
        assert run.only(j.RequestIgnored).tenant_id == TENANT
