"""What a model is shown, where that is not all that was said."""

from __future__ import annotations

import pytest

from runfold.events import run as j
from runfold.events.calls import ContextWork, ModelWork, Outcome
from runfold.events.definitions import ModelChoice
from runfold.events.records import commands
from runfold.events.values import Limits, Placement, RunStatus
from runfold.processors.run.aggregate import RUN as AGGREGATE
from tests.deciders.given import (
    RUN,
    UNAVAILABLE,
    answer,
    begun,
    call,
    came_back,
    chosen,
    control,
    done,
    due,
)
from tests.spec import Story, kinds

SMALL = ModelChoice(name="scripted:x", context_tokens=60, placement=Placement.POOL)


def choosing(**changes: object) -> Story:
    """A run whose transcript has outgrown what its model may be shown: call 3 is out."""
    story = begun(model=SMALL, **changes)
    return story.when(answer(call("look"))).when(came_back(2, "found " * 50))


def work_of(story: Story) -> list[object]:
    last, state = story.said[-1], story.state
    assert state is not None
    return [work.record for work in AGGREGATE.dispatch(last, state, story.definitions)]


def test_a_selection_is_asked_for_before_the_model() -> None:
    story = choosing()
    assert kinds(story.said)[-2:] == ["ContextHydrated", "ContextCalled"]
    assert story.run.status is RunStatus.PLANNING
    (work,) = work_of(story)
    assert isinstance(work, ContextWork)
    assert [entry.kind for entry in work.sources[0].entries] == ["goal", "answer", "reply"]
    assert [entry.pinned for entry in work.sources[0].entries] == [True, False, False]
    assert work.budget_tokens == 60


def test_the_model_is_shown_what_was_chosen_and_nothing_else() -> None:
    story = choosing().when(chosen(3))
    selected = story.only(j.ContextSelected)
    assert kinds(story.said) == ["ContextSelected", "ModelCalled"]
    (work,) = work_of(story)
    assert isinstance(work, ModelWork)
    assert (work.messages, work.context) == ((), selected.content)
    assert story.said[-1].context_digest == selected.digest  # type: ignore[attr-defined]


def test_a_retry_of_the_model_is_shown_the_same() -> None:
    story = due(due(choosing().when(chosen(3))))
    assert kinds(story.said) == ["ModelCalled"]
    assert work_of(story)[0].context == chosen(3).content  # type: ignore[attr-defined]


def test_the_next_turn_chooses_anew() -> None:
    story = choosing().when(chosen(3)).when(answer(call("look", {"path": "b"}), n=4))
    story = story.when(came_back(5))
    assert kinds(story.said)[-1] == "ContextCalled"
    assert story.run.loop.selection is None


def test_a_failure_is_tried_again_and_then_ends_the_run() -> None:
    story = choosing()
    for attempt in (1, 2):
        failed = chosen(3, attempt, outcome=Outcome.FAILED, content=None, error=UNAVAILABLE)
        story = story.when(failed)
        assert kinds(story.said) == ["ContextFailed", "RetryScheduled"]
        story = due(story)
        assert kinds(story.said) == ["ContextCalled"]
    failed = chosen(3, 3, outcome=Outcome.FAILED, content=None, error=UNAVAILABLE)
    story = story.when(failed)
    assert kinds(story.said) == ["ContextFailed", "RunFailed"]
    assert story.only(j.RunFailed).error == UNAVAILABLE


def test_a_success_without_content_is_a_failure() -> None:
    story = choosing().when(chosen(3, content=None))
    assert kinds(story.said) == ["ContextFailed", "RetryScheduled"]


def test_a_selection_that_does_not_come_is_made_again() -> None:
    story = due(choosing())
    assert kinds(story.said) == ["ContextFailed", "RetryScheduled"]
    assert story.said[0].error.error_type == "timeout"  # type: ignore[attr-defined]


@pytest.mark.parametrize("result", [chosen(3, 2), chosen(2), chosen(9), done(n=3), came_back(3)])
def test_what_is_not_its_result_changes_nothing(result: object) -> None:
    story = choosing()
    assert story.when(result).said == ()  # type: ignore[arg-type]


def test_a_paused_run_keeps_its_selection_and_goes_on_with_it() -> None:
    story = choosing().when(control(commands.PauseRun, "p1")).when(chosen(3))
    assert kinds(story.said) == ["ContextSelected"]
    story = story.when(control(commands.ResumeRun, "p2"))
    assert kinds(story.said) == ["RunResumed", "ModelCalled"]


def test_money_is_set_aside_for_the_model_call_alone() -> None:
    limits = Limits(max_cost="1.00")  # type: ignore[arg-type] # pydantic reads the amount
    story = choosing(limits=limits).when(chosen(3))
    assert kinds(story.said) == ["ContextSelected", "BudgetReserved", "ModelCalled"]
    assert dict(story.run.budget.reservations).keys() == {f"{RUN}.4"}


def test_a_restart_makes_the_selection_again_from_the_same_transcript() -> None:
    story = choosing()
    assert story.state is not None
    again = [work.record for work in AGGREGATE.reopen(story.state, story.definitions)]
    assert again == work_of(story)
