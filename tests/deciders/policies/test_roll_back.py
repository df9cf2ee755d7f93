"""A run is rolled back: it goes on from an earlier transcript, and what its calls did stays."""

from __future__ import annotations

import pytest

from runfold.events import run as j
from runfold.events.calls import Message, Role
from runfold.events.contents.content import text
from runfold.events.definitions import ToolContract
from runfold.events.definitions.agents.brakes import BY_CALLS, DETECTORS, faults_of
from runfold.events.records import commands
from runfold.events.run import BrakeAction
from runfold.processors.run.state import Live
from runfold.processors.run.state_hash import state_hash
from tests.deciders.braking import NO_LIMITS, answered, braked, brakes_of, fails, hears, then, works
from tests.deciders.given import (
    LOOK,
    RUN,
    SEND,
    WRITE,
    agent,
    begun,
    broke,
    call,
    came_back,
    control,
    definitions,
    request,
)
from tests.spec import Story


def said(run: Live) -> list[bytes]:
    return [(m.content.inline or b"") if m.content else b"" for m in run.loop.transcript.messages]


def notice_of(run: Story) -> str:
    notice = run.only(j.BrakeApplied).notice
    assert notice is not None
    assert notice.inline is not None
    return notice.inline.decode()


def test_the_model_goes_on_from_before_the_first_evidence() -> None:
    run = works(braked(error_streak=then("roll_back")), "a")
    before = run.run.loop.transcript
    run = fails(run, "b", "c")
    brake = run.only(j.BrakeApplied)
    assert (brake.action, brake.checkpoint_id) == (BrakeAction.ROLL_BACK, f"{RUN}/checkpoint/1")
    assert brake.kept_messages == len(before.messages)
    after = run.run.loop.transcript
    assert after.messages[:-1] == before.messages
    assert after.messages[-1] == Message(role=Role.USER, content=brake.notice)
    assert run.only(j.ModelCalled).context_digest == after.digest
    assert run.names()[-2:] == ["BrakeApplied", "ModelCalled"]


def test_what_happened_since_is_named_to_the_model_and_stays_on_record() -> None:
    brakes = {"same_calls": then("roll_back")}
    run = begun(brakes=brakes, limits=NO_LIMITS, approval_from_level=5)
    run = works(run, "a", tool="write")
    run = answered(run, call("look"), call("write", {"path": "b"}, id="c2"))
    run = run.when(came_back(4)).when(broke(5, retryable=False))
    run = works(run, "a", tool="write")
    found = notice_of(run)
    assert "none of them is undone: 2 write succeeded; 5 write failed; 7 write succeeded." in found
    assert run.only(j.BrakeApplied).checkpoint_id == f"{RUN}/checkpoint/0"
    assert run.run.counters.tool_calls == 4
    assert sum(isinstance(fact, j.ToolCallSucceeded) for fact in run.facts) == 3


def test_calls_that_only_read_or_were_denied_are_nothing_to_undo() -> None:
    run = answered(braked(same_calls=then("roll_back")), call("fly"))
    run = works(run, "a", "a")
    assert "Nothing was called since." in notice_of(run)


def test_what_people_said_since_stays() -> None:
    run = fails(braked(error_streak=then("roll_back", threshold=3)), "a")
    run = answered(run, call("ask_human", {"question": "which disk?"}))
    asked = [fact for fact in run.facts if isinstance(fact, j.HumanInputRequested)][-1]
    run = run.when(
        control(
            commands.AnswerQuestion,
            "q",
            question_id=asked.question_id,
            content=text("the second"),
        ),
        control(commands.SendMessage, "m", content=text("hurry")),
    )
    run = fails(run, "b", "c")
    words = said(run.run)
    assert [each for each in words if each in (b"the second", b"hurry")] == [
        b"the second",
        b"hurry",
    ]
    assert {m.role for m in run.run.loop.transcript.messages} == {Role.USER}


def test_where_there_is_no_turn_to_go_back_to_a_person_is_asked() -> None:
    run = braked(same_calls=then("roll_back"))
    # One answer with more calls than are remembered: not all could be named.
    many = [call("look", {"path": str(n % 2)}, id=f"c{n}") for n in range(40)]
    run = answered(run, *many)
    for n in range(2, 42):
        run = run.when(came_back(n))
    brake = brakes_of(run)[0]
    assert (brake.action, brake.kept_messages) == (BrakeAction.ASK, None)
    assert run.only(j.HumanInputRequested).brake == "same_calls"


def test_it_is_gone_back_once_and_what_asks_is_asked_too() -> None:
    run = braked(
        error_streak=then("ask"), same_calls=then("roll_back"), similar_calls=then("roll_back")
    )
    run = fails(run, "a", "a")
    assert [brake.action.value for brake in brakes_of(run)] == ["roll_back", "think_again", "ask"]
    run = hears(run, "go on")
    assert said(run.run)[0] == b"find out"
    assert b"go on" in said(run.run)


def test_it_can_be_gone_back_again() -> None:
    run = fails(braked(error_streak=then("roll_back")), "a", "b", "c", "d")
    assert [brake.checkpoint_id for brake in brakes_of(run)] == [
        f"{RUN}/checkpoint/0",
        f"{RUN}/checkpoint/2",
    ]
    assert run.run.loop.watch is not None
    assert run.run.loop.watch.marks[-1].seen == 4


def test_what_it_can_go_back_to_is_covered_by_the_hash_of_the_state() -> None:
    one = works(braked(same_calls=then("roll_back", threshold=9)), "a")
    other = works(braked(same_calls=then("roll_back", threshold=9)), "a")
    assert state_hash(one.run) == state_hash(other.run)
    watch = one.run.loop.watch
    assert watch is not None
    assert len(watch.marks) == 2


@pytest.mark.parametrize("detector", DETECTORS)
def test_only_evidence_that_is_a_call_says_where_to_go_back_to(detector: str) -> None:
    least = 2 if detector != "tainted_call" else 1
    found = [
        where
        for where, _ in faults_of(
            detector, least, ("roll_back",), {}, judged=detector == "goal_drift"
        )
    ]  # type: ignore[arg-type]
    assert (found == []) is (detector in BY_CALLS)


INBOX = LOOK.model_copy(update={"untrusted_output": True})


def tainted(*tools: ToolContract, level: int = 3, reaction: str = "roll_back") -> Story:
    brakes = {"tainted_call": then(reaction, threshold=level)}
    given = tools or (INBOX, WRITE, SEND)
    one = agent(brakes=brakes, limits=NO_LIMITS, approval_from_level=5)
    return Story(definitions(*given, one)).when(request())


def test_a_dangerous_call_after_strangers_words_is_found_by_its_level() -> None:
    run = works(tainted(), "a")
    run = works(run, "b", tool="write")
    assert brakes_of(run) == []
    run = answered(run, call("send"))
    assert run.only(j.ApprovalRequested).risk_level == 3
    denied = control(commands.DenyToolCall, call_id=f"{RUN}.6", reason="no")
    run = run.when(denied)
    brake = run.only(j.BrakeApplied)
    assert (brake.pattern, brake.score, brake.evidence) == ("tainted_call", "3", (f"{RUN}.6",))
    # Back to before it had read them, with what it wrote since named.
    assert brake.checkpoint_id == f"{RUN}/checkpoint/0"
    assert said(run.run)[:-1] == [b"find out"]
    assert "4 write succeeded" in notice_of(run)
    assert run.run.loop.taint == ("look",), "what it has read it has read"


def test_the_level_says_from_where_on() -> None:
    run = works(works(tainted(level=1, reaction="stop"), "a"), "b", tool="write")
    assert run.only(j.BrakeApplied).score == "1"


def test_a_call_proposed_in_the_same_answer_was_proposed_before_the_reading() -> None:
    run = answered(tainted(level=1), call("look"), call("write", {"path": "b"}, id="c2"))
    run = run.when(came_back(2), came_back(3))
    assert brakes_of(run) == []


def test_without_strangers_words_no_call_is_tainted() -> None:
    run = works(works(tainted(LOOK, WRITE, SEND, level=1), "a"), "b", tool="write")
    assert brakes_of(run) == []
