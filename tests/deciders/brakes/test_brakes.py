"""Brakes applied: what is on record, which reaction follows, what is never done twice."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.calls import Role
from runfold.events.contents.content import text
from runfold.events.records import commands
from runfold.events.run import BrakeAction
from runfold.events.values import Actor, ActorKind, RunStatus
from runfold.processors.engine.aggregate import Command
from runfold.processors.run.aggregate import actor
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.state import Ended
from tests.deciders.braking import braked, brakes_of, fails, hears, plans, then
from tests.deciders.given import RUN, answer, begins, begun, call, control, due


def test_a_question_that_says_nothing_does_not_end_a_wait_whose_time_is_over() -> None:
    run = fails(braked(error_streak=then("slow")), "a", "b")
    assert run.run.loop.watch is not None
    late = run.after(3600)
    assert late.when(begins(2)).said == (), "the timer of the wait says it, by its own cause"
    assert "ModelCalled" in due(late).names()


def test_a_run_says_at_its_beginning_which_brakes_watch_it() -> None:
    run = braked(error_streak=then("stop"), same_calls=then("ask"))
    assert run.names()[:4] == ["RunCreated", "RunStarted", "BrakesSet", "UserMessageReceived"]
    assert run.only(j.BrakesSet).detectors == ("same_calls", "error_streak")
    assert "BrakesSet" not in begun().names()
    assert begun().run.loop.watch is None


def test_a_streak_of_errors_makes_the_model_think_again_then_asks_then_stops() -> None:
    run = fails(braked(error_streak=then("think_again", "ask", "stop")), "a")
    assert brakes_of(run) == []
    run = fails(run, "b")
    assert run.names() == [
        "ToolCallFailed",
        "CheckpointWritten",
        "ContextHydrated",
        "BrakeApplied",
        "ModelCalled",
    ]
    brake = run.only(j.BrakeApplied)
    assert (brake.pattern, brake.action) == ("error_streak", BrakeAction.THINK_AGAIN)
    assert (brake.score, brake.threshold, brake.times) == ("2", "2", 1)
    assert brake.evidence == (f"{RUN}.2", f"{RUN}.4")
    assert run.run.loop.transcript.messages[-1].content == brake.notice
    assert run.only(j.ModelCalled).context_digest == run.run.loop.transcript.digest

    run = fails(run, "c", "d")
    assert run.names()[-3:] == ["BrakeApplied", "HumanInputRequested", "CheckpointWritten"]
    assert run.only(j.HumanInputRequested).brake == "error_streak"
    assert run.run.status is RunStatus.WAITING_FOR_HUMAN
    run = hears(run, "try the other disk")
    assert run.names() == ["HumanInputReceived", "ContextHydrated", "ModelCalled"]
    said = run.run.loop.transcript.messages[-1]
    assert (said.role, said.content) == (Role.USER, text("try the other disk"))

    run = fails(run, "e", "f")
    failed = run.only(j.RunFailed)
    assert run.only(j.BrakeApplied).action is BrakeAction.STOP
    assert (failed.exit.exit_code, failed.error.error_type) == (3, "brake")
    assert isinstance(run.state, Ended)


def test_the_last_reaction_stays_the_last() -> None:
    run = fails(braked(error_streak=then("think_again", threshold=1)), "a", "b", "c")
    assert [(brake.times, brake.action.value) for brake in brakes_of(run)] == [
        (1, "think_again"),
        (2, "think_again"),
        (3, "think_again"),
    ]


def test_no_brake_is_applied_twice_for_the_same_evidence() -> None:
    run = fails(braked(error_streak=then("think_again")), "a", "b", "c", "d", "e")
    evidence = [name for brake in brakes_of(run) for name in brake.evidence]
    assert len(evidence) == len(set(evidence)) == 4


def test_of_several_brakes_the_strictest_reaction_follows() -> None:
    run = braked(
        error_streak=then("slow"), same_calls=then("ask"), similar_calls=then("think_again")
    )
    run = fails(run, "a", "a")
    assert run.names()[-5:] == ["BrakeApplied"] * 3 + ["HumanInputRequested", "CheckpointWritten"]
    assert run.only(j.HumanInputRequested).brake == "same_calls"
    run = hears(run, "go on")
    assert run.names() == ["HumanInputReceived"], "it is slow all the same"


def test_a_paused_run_is_not_woken_by_a_brake() -> None:
    run = fails(braked(error_streak=then("slow")), "a", "b")
    run = run.when(control(commands.PauseRun, "p1", reason="wait"))
    paused = next_timer(run.run)
    assert paused is None or not paused.kind.startswith("brake")
    run = run.after(60).when(control(commands.ResumeRun, "r1"))
    assert run.names()[-1] == "ModelCalled"


def test_the_model_never_reads_the_words_of_a_tool_as_those_of_the_runtime() -> None:
    run = fails(braked(error_streak=then("think_again", threshold=1)), "a")
    notice = run.only(j.BrakeApplied).notice
    assert notice is not None
    assert b"broke" not in (notice.inline or b"")


def test_who_asks_is_the_run_and_no_model() -> None:
    run = fails(braked(error_streak=then("ask")), "a", "b")
    asked, last = run.only(j.HumanInputRequested), answer(call("look"))
    assert run.state is not None
    asks = actor(asked, Command(last), run.state)
    assert asks == Actor(kind=ActorKind.SYSTEM, id="run-processor")


def test_what_is_remembered_is_bounded() -> None:
    every = {
        name: then("think_again", threshold=threshold)
        for name, threshold in {
            "same_calls": 32,
            "similar_calls": 32,
            "error_streak": 32,
            "no_progress": 1000,
            "oscillation": 8,
            "cost_velocity": 10**6,
            "token_velocity": 10**9,
            "unfounded_claims": 32,
        }.items()
    }
    run = braked(**every)
    for n in range(40):
        run = fails(run, f"{n} {'x' * n}")
        run = plans(run, *["done"] * (n + 1), tool="send")
    watch = run.run.loop.watch
    assert watch is not None
    held = (watch.calls, watch.errors, watch.progress.states, watch.samples, watch.unfounded)
    assert [len(each) <= 32 for each in held] == [True] * 5
    assert len(watch.calls) == 32
