"""Tool calls that fail, hang, come back late, or may have happened."""

from __future__ import annotations

import pytest

from runfold.events import run as j
from runfold.events.calls import Outcome, ToolWork
from runfold.events.contents.content import json_content
from runfold.events.records import commands
from runfold.events.values import ProposedCall, RunStatus
from runfold.processors.run.dispatch import dispatch
from runfold.processors.run.ids import HANDOUT_GRACE
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.state import CallStatus
from tests.deciders.given import (
    RUN,
    agent,
    answer,
    begun,
    broke,
    broken_call,
    call,
    came_back,
    control,
    definitions,
    due,
    request,
    tool,
)
from tests.spec import Story


def looking() -> Story:
    return begun().when(answer(call("look")))


def sending() -> Story:
    return begun().when(answer(call("send")))


def test_a_failure_that_may_pass_is_tried_again_after_a_pause() -> None:
    run = looking().when(broke(2))
    assert run.names() == ["ToolCallFailed", "RetryScheduled"]
    assert run.run.status is RunStatus.WAITING_FOR_TOOL
    run = due(run)
    assert run.only(j.ToolCallStarted).attempt == 2
    run = run.when(came_back(2, attempt=2))
    assert run.names()[0] == "ToolCallSucceeded"
    assert run.run.counters.retries == 1


def test_attempts_are_bounded_and_then_the_model_is_told() -> None:
    run = due(looking().when(broke(2))).when(broke(2, attempt=2))
    assert run.names() == [
        "ToolCallFailed",
        "CheckpointWritten",
        "ContextHydrated",
        "ModelCalled",
    ]
    assert run.run.loop.transcript.messages[-1].is_error


def test_a_failure_for_good_is_not_tried_again() -> None:
    assert "RetryScheduled" not in looking().when(broke(2, retryable=False)).names()


def test_a_result_of_an_older_attempt_changes_nothing() -> None:
    run = due(looking().when(broke(2)))
    assert run.when(came_back(2, attempt=1)).said == ()


def test_an_uncertain_call_stops_the_run_until_a_person_knows() -> None:
    run = sending().when(came_back(2, outcome=Outcome.UNCERTAIN, result=None))
    assert run.names() == ["ToolCallUncertain", "CheckpointWritten"]
    assert run.run.status is RunStatus.WAITING_FOR_HUMAN
    assert run.only(j.CheckpointWritten).resume_policy.safe_to_retry is False


def test_a_person_says_it_happened() -> None:
    run = sending().when(came_back(2, outcome=Outcome.UNCERTAIN, result=None))
    run = run.when(
        control(
            commands.ResolveToolCall,
            call_id=run.run.loop.calls[0].call_id,
            resolution="happened",
            result=json_content("sent"),
        )
    )
    assert run.only(j.ToolCallSucceeded).result == json_content("sent")
    assert run.names()[-1] == "ModelCalled"


def test_a_person_says_it_did_not_happen() -> None:
    run = sending().when(came_back(2, outcome=Outcome.UNCERTAIN, result=None))
    run = run.when(
        control(
            commands.ResolveToolCall,
            call_id=run.run.loop.calls[0].call_id,
            resolution="did_not_happen",
        )
    )
    started = run.only(j.ToolCallStarted)
    assert started.attempt == 2
    assert started.idempotency_key == run.run.loop.calls[0].call_id


def test_the_real_result_settles_an_uncertain_call() -> None:
    run = sending().when(came_back(2, outcome=Outcome.UNCERTAIN, result=None))
    assert run.when(came_back(2)).names()[0] == "ToolCallSucceeded"


def test_a_failure_does_not_settle_a_doubt() -> None:
    # It may be that of the same work redelivered while the claims could not be asked. A next
    # attempt would pass for a person's word that nothing had happened, and act a second time.
    run = sending().when(came_back(2, outcome=Outcome.UNCERTAIN, result=None))
    again = run.when(broke(2))
    assert again.names() == []
    assert again.run.loop.calls[0].status is CallStatus.UNCERTAIN


def test_a_call_that_never_comes_back_is_tried_again_only_where_that_is_safe() -> None:
    assert due(looking()).names() == ["ToolCallFailed", "RetryScheduled"]
    assert due(sending()).names() == ["ToolCallUncertain", "CheckpointWritten"]


def test_the_run_believes_in_a_call_for_its_time_out_and_a_grace() -> None:
    run = looking()
    timer = next_timer(run.run)
    assert timer is not None
    assert (timer.due - run.now) >= HANDOUT_GRACE


def test_a_late_effect_is_put_on_record() -> None:
    run = due(sending().when(broke(2))).when(came_back(2, attempt=2, effect=True))
    late = came_back(2, effect=True, attempt=3)
    run = run.when(late)
    assert run.names() == ["LateResultNoted"]
    assert run.when(late).said == ()


def test_a_late_effect_is_news_even_where_it_is_told_from_its_claim() -> None:
    """The first telling may have been lost with the process that knew of it."""
    run = sending().when(came_back(2, outcome=Outcome.UNCERTAIN, result=None))
    not_done = control(
        commands.ResolveToolCall, call_id=run.run.loop.calls[0].call_id, resolution="did_not_happen"
    )
    run = run.when(not_done, came_back(2, effect=True, repeated=True))
    assert run.names() == ["LateResultNoted"]


def test_doubt_that_is_on_record_is_no_news_when_it_comes_again() -> None:
    unsure = came_back(2, outcome=Outcome.UNCERTAIN, result=None, effect=True)
    not_done = control(
        commands.ResolveToolCall,
        call_id=f"{RUN}.2",
        resolution=commands.Resolution.DID_NOT_HAPPEN,
    )
    run = sending().when(unsure).when(unsure)
    assert run.said == ()
    assert run.when(not_done).when(unsure).said == ()


def test_a_repeated_result_is_no_news() -> None:
    run = sending().when(came_back(2, effect=True))
    assert run.when(came_back(2, effect=True)).said == ()


def test_every_start_is_preceded_by_its_permit() -> None:
    run = sending().when(came_back(2), answer(call("look"), call("fly", id="c2"), n=3))
    permitted: set[str | None] = set()
    starts = 0
    for fact in run.facts:
        if isinstance(fact, j.PolicyDecided) and fact.effect is j.PolicyEffect.PERMIT:
            permitted.add(fact.call_id)
        if isinstance(fact, j.ToolCallStarted):
            starts += 1
            assert fact.call_id in permitted
    assert starts == 2


def test_a_large_result_is_an_artifact_of_the_checkpoint() -> None:
    run = looking().when(came_back(2, {"artifact": "sha256/ab", "size": 9, "excerpt": "…"}))
    assert run.only(j.CheckpointWritten).artifact_refs == ("sha256/ab",)
    by_ref = json_content(1).model_copy(update={"inline": None, "ref": "sha256/cd"})
    run = looking().when(came_back(2, result=by_ref))
    assert run.only(j.CheckpointWritten).artifact_refs == ("sha256/cd",)
    assert looking().when(came_back(2, "plain")).only(j.CheckpointWritten).artifact_refs == ()


def test_only_a_person_s_word_clears_an_attempt() -> None:
    unsure = came_back(2, outcome=Outcome.UNCERTAIN, result=None, effect=True)
    not_done = control(
        commands.ResolveToolCall,
        call_id=f"{RUN}.2",
        resolution=commands.Resolution.DID_NOT_HAPPEN,
    )
    cleared = sending().when(unsure).when(not_done)
    assert _work(cleared).cleared == 1
    failed = _work(due(looking().when(broke(2))))
    assert (failed.attempt, failed.cleared) == (2, 0)


def _work(run: Story) -> ToolWork:
    (work,) = dispatch(run.only(j.ToolCallStarted), run.run, run.definitions)
    assert isinstance(work.record, ToolWork)
    return work.record


@pytest.mark.parametrize(
    ("calls", "code"),
    [
        ((call("fly"),), "unknown_tool"),
        ((broken_call("look"),), "malformed_arguments"),
        ((call("ask_human", {"question": 7}),), "invalid_arguments"),
        ((call("look"), call("complete_task", {"summary": "s"}, "c2")), "not_alone"),
    ],
)
def test_a_denial_says_by_a_code_why(calls: tuple[ProposedCall, ...], code: str) -> None:
    assert begun().when(answer(*calls)).only(j.ToolCallDenied).code == code


def test_arguments_that_break_the_schema_before_a_person_is_asked_are_counted_by_their_code() -> (
    None
):
    told = tool("send", risk_level=3)
    story = Story(definitions(told, agent(tools=("send",)))).when(request())
    assert story.when(answer(call("send", {"path": 7}))).only(j.ToolCallDenied).code == (
        "invalid_arguments"
    )
