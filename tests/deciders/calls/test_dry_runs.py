"""A call whose contract says how is tried by a dry run before anybody decides on it [95, 108]."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from runfold.events import run as j
from runfold.events.calls import ToolWork
from runfold.events.contents.content import json_content
from runfold.events.definitions import ToolContract
from runfold.events.records import commands
from runfold.events.values import Placement, RunStatus
from runfold.processors.engine.aggregate import Work
from runfold.processors.run.dispatch import dispatch, reopen
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.processors.run.state_hash import state_hash
from runfold.surfaces import words
from tests.deciders.given import (
    LOOK,
    RUN,
    begins,
    broke,
    call,
    came_back,
    control,
    due,
    tool,
)
from tests.deciders.governed import asking, decided, governed
from tests.spec import Story

ARGUMENT = {"argument": "dry_run"}


def sends(**more: Any) -> ToolContract:
    schema = {
        "type": "object",
        "properties": {"path": {"type": "string"}, "dry_run": {"type": "boolean"}},
        "required": ["path"],
    }
    given = {"risk_level": 3, "input_schema": schema, "dry_run": ARGUMENT, **more}
    return tool("send", **given)


PREVIEW = tool("preview", risk_level=0, placement=Placement.LOCAL)
BY_TOOL = sends(dry_run={"tool": "preview"})


def proposed(*tools: ToolContract, rules: tuple[str, ...] = (), **arguments: Any) -> Story:
    known = governed(*rules, tools=tools or (sends(), LOOK))
    return asking(known, call("send", {"path": "a", **arguments}))


def work_of(run: Story) -> list[ToolWork]:
    made: list[Work] = [w for fact in run.said for w in dispatch(fact, run.run, run.definitions)]
    return [each.record for each in made if isinstance(each.record, ToolWork)]


def approves(n: int = 2) -> commands.Control:
    return control(commands.ApproveToolCall, "a1", call_id=f"{RUN}.{n}")


def test_the_dry_run_comes_first_and_its_result_is_shown_to_who_approves() -> None:
    run = proposed()
    assert run.names()[-3:] == ["ToolCallProposed", "PolicyDecided", "DryRunStarted"]
    assert decided(run).obligations == ("approval", "dry_run")
    (work,) = work_of(run)
    assert work.call_id == work.idempotency_key == f"{RUN}.3"
    assert work.arguments == json_content({"path": "a", "dry_run": True})
    assert run.run.status is RunStatus.RUNNING_TOOL
    run = run.when(came_back(3, "would send to 12 people"))
    assert run.names() == [
        "DryRunSucceeded",
        "PolicyDecided",
        "ApprovalRequested",
        "CheckpointWritten",
    ]
    asked = run.only(j.ApprovalRequested)
    assert asked.dry_run == json_content("would send to 12 people")
    assert 'Its dry run: "would send to 12 people"' in words.said(asked)
    run = run.when(approves())
    started = run.only(j.ToolCallStarted)
    assert (started.call_id, started.attempt) == (f"{RUN}.2", 1)
    (work,) = work_of(run)
    assert work.arguments == json_content({"path": "a"})
    assert run.run.counters.tool_calls == 1, "the dry run is no call"
    run = run.when(came_back(2))
    assert run.names()[-1] == "ModelCalled"


def test_an_argument_that_says_it_is_none_is_overruled() -> None:
    (work,) = work_of(proposed(dry_run=False))
    assert work.arguments == json_content({"path": "a", "dry_run": True})


def test_a_call_that_is_a_dry_run_needs_none() -> None:
    assert "DryRunStarted" not in proposed(dry_run=True).names()


def test_arguments_that_do_not_fit_are_not_tried() -> None:
    run = proposed(path=4)
    assert run.only(j.ToolCallDenied).code == "invalid_arguments"


def test_what_the_dry_run_finds_wrong_is_told_to_the_model_and_nobody_is_asked() -> None:
    run = proposed().when(broke(3, retryable=False))
    assert run.names()[:2] == ["DryRunFailed", "ToolCallDenied"]
    denied = run.only(j.ToolCallDenied)
    assert (denied.call_id, denied.code) == (f"{RUN}.2", "dry_run_failed")
    assert "broke" in denied.reason
    assert run.names()[-1] == "ModelCalled"


def test_a_dry_run_is_tried_again_as_its_tool_would_be() -> None:
    run = proposed().when(broke(3))
    assert run.names() == ["DryRunFailed", "RetryScheduled"]
    timer = next_timer(run.run)
    assert timer is not None
    run = run.after(60).when(timer)
    assert run.only(j.DryRunStarted).attempt == 2
    assert run.when(came_back(3, "fine", attempt=2)).only(j.ApprovalRequested).dry_run


def test_one_that_is_lost_is_no_doubt_since_it_changes_nothing() -> None:
    run = due(proposed())
    assert run.names()[0] == "DryRunFailed"
    assert "ToolCallUncertain" not in run.names()


def test_a_result_that_comes_twice_or_late_changes_nothing() -> None:
    late = came_back(3, "fine", effect=True)
    run = proposed().when(late)
    assert run.when(late).said == ()


def test_where_nobody_has_to_be_asked_the_call_begins_after_it() -> None:
    run = proposed(sends(approval="never"), LOOK)
    assert run.names()[-1] == "DryRunStarted"
    run = run.when(came_back(3, "fine"))
    assert run.names()[:3] == ["DryRunSucceeded", "PolicyDecided", "ToolCallApproved"]
    assert run.only(j.ToolCallStarted).call_id == f"{RUN}.2"


def test_another_tool_may_be_the_dry_run() -> None:
    run = proposed(BY_TOOL, PREVIEW)
    (work,) = work_of(run)
    assert (work.tool, work.arguments) == ("preview", json_content({"path": "a"}))
    assert [fact.resource for fact in run.said if isinstance(fact, j.PolicyDecided)] == [
        "tool/send@1.0",
        "tool/preview@1.0",
    ]
    assert run.when(came_back(3, "fine")).only(j.ApprovalRequested).dry_run == json_content("fine")


@pytest.mark.parametrize(
    ("tools", "rules"),
    [
        ((BY_TOOL, LOOK), ()),
        ((BY_TOOL, PREVIEW.model_copy(update={"risk_level": 1})), ()),
        (
            (BY_TOOL, PREVIEW),
            (
                'permit(principal, action == Action::"tool.call", resource == Tool::"send");',
                'forbid(principal, action == Action::"tool.call", resource == Tool::"preview");',
            ),
        ),
    ],
)
def test_a_call_that_cannot_have_its_dry_run_is_not_made(
    tools: tuple[ToolContract, ...], rules: tuple[str, ...]
) -> None:
    run = proposed(*tools, rules=rules)
    assert run.only(j.ToolCallDenied).code == "no_dry_run"
    assert "DryRunStarted" not in run.names()


@pytest.mark.parametrize(
    ("level", "first", "said", "tried"),
    [
        (2, "by_level", "", False),
        (2, "always", "", True),
        (2, "by_level", "always", True),
        (3, "by_level", "", True),
        (3, "by_level", "never", False),
        (3, "always", "never", False),
        (4, "by_level", "", True),
    ],
)
def test_the_level_decides_and_only_a_policy_loosens(
    level: int, first: str, said: str, tried: bool
) -> None:
    contract = sends(risk_level=level, dry_run={**ARGUMENT, "first": first})
    annotation = f'@dry_run("{said}") ' if said else ""
    rule = f'{annotation}permit(principal, action == Action::"tool.call", resource);'
    run = proposed(contract, LOOK, rules=(rule,))
    assert ("DryRunStarted" in run.names()) is tried
    assert ("dry_run" in decided(run).obligations) is tried


def test_a_forbid_that_came_meanwhile_holds() -> None:
    run = proposed()
    forbid = 'forbid(principal, action == Action::"tool.call", resource == Tool::"send");'
    later = governed(forbid, tools=(sends(), LOOK))
    run = replace(run, definitions=later).when(came_back(3, "fine"))
    assert run.only(j.ToolCallDenied).code == "forbidden"


def test_it_begins_by_permission_and_the_state_covers_it() -> None:
    run = proposed()
    before = state_hash(run.run)
    run = run.when(begins(3))
    assert run.only(j.CallBegun).kind == "dry_run"
    assert state_hash(run.run) != before


def test_after_a_restart_a_local_dry_run_is_handed_out_again() -> None:
    run = proposed(sends(placement=Placement.LOCAL), LOOK)
    (again,) = reopen(run.run, run.definitions)
    assert isinstance(again.record, ToolWork)
    assert again.record.call_id == f"{RUN}.3"


def test_without_such_a_contract_nothing_changes() -> None:
    plain_tool = sends(dry_run=None)
    assert "argument" not in plain_tool.body()
    run = proposed(plain_tool, LOOK)
    assert decided(run).obligations == ("approval",)
    assert run.names()[-2:] == ["ApprovalRequested", "CheckpointWritten"]


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({}, "name the argument"),
        ({"argument": "dry_run", "tool": "preview"}, "name the argument"),
        ({"argument": "nope"}, "no boolean property"),
        ({"argument": "path"}, "no boolean property"),
        ({"tool": "send"}, "cannot try itself"),
    ],
)
def test_a_contract_that_says_no_way_is_refused(said: dict[str, str], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        sends(dry_run=said)


def test_strangers_words_in_its_error_taint_the_run() -> None:
    run = proposed(sends(untrusted_output=True), LOOK).when(broke(3, retryable=False))
    assert run.run.loop.taint == ("send",)


def test_the_cost_of_a_dry_run_is_the_runs() -> None:
    run = proposed().when(came_back(3, "fine", cost="0.25"))
    assert str(run.run.counters.cost.normalize()) == "0.26"


def test_the_cost_of_a_result_that_came_too_late_is_the_runs_too() -> None:
    run = due(proposed()).when(came_back(3, "fine", cost="0.25"))
    assert run.only(j.LateResultNoted).cost is not None
    assert str(run.run.counters.cost.normalize()) == "0.26"
