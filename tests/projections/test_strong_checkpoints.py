"""Checkpoints before a call and after it, and decisions, by the names of the blueprint [27, 28]."""

from __future__ import annotations

import pytest

from runfold.events import topics
from runfold.events.contents.content import json_content
from runfold.events.records import commands
from runfold.events.run import Event
from runfold.events.values import ModelAnswer, ProposedCall
from runfold.stack.settings import Settings
from tests.deciders.given import RUN, answer, broke, call, came_back, control, done, request
from tests.projections.running import ask, projector, wait_caught_up
from tests.projections.test_views import appended
from tests.replay.scenarios import Life
from tests.support import journal
from tests.support.builders.history import CODEC, History

WHY = "the account is needed to verify the renewal date"
READ, WRITTEN = f"{RUN}.2", f"{RUN}.4"


def _silent(*calls: ProposedCall, n: int = 1) -> object:
    return answer(n=n, answer=ModelAnswer(tool_calls=calls, finish_reason="tool_calls"))


def life(behaviour: int = 5) -> History:
    """A read that is made twice, then a write whose arguments a person edits."""
    read = call("look", {"path": "account", "call_reason": WHY})
    made = Life(behaviour).says(request(thread_id="renewals"), _silent(read), broke(2))  # type: ignore[arg-type]
    made.passes(5).says(came_back(2, {"owner": "ada"}, attempt=2), _silent(call("write"), n=3))  # type: ignore[arg-type]
    edited = json_content({"path": "edited"})
    made.says(control(commands.ApproveToolCall, "a1", call_id=WRITTEN, arguments=edited))
    made.says(came_back(4, "written"), done(n=5))
    read_back = [(value, CODEC.decode(topics.EVENTS, value)) for value in made.values()]
    events = [(value, event) for value, event in read_back if isinstance(event, Event)]
    return History(RUN, events=[e for _, e in events], values=[value for value, _ in events])


def test_there_is_a_row_before_every_attempt_and_no_event_more() -> None:
    history = life()
    rows = appended("call_checkpoints", history.batch())
    assert [(row["tool_call_id"], row["attempt"]) for row in rows] == [
        (READ, 1), (READ, 2), (WRITTEN, 1),
    ]  # fmt: skip
    # Each is the step that the checkpoint after the call ends: both attempts are of one, and the
    # write waited for a person, which has a checkpoint of its own.
    assert [row["step_number"] for row in rows] == [1, 1, 3]
    assert [row["safe_to_retry"] for row in rows] == [True, True, True]
    assert {row["max_attempts"] for row in rows} == {2}
    for row in rows:
        before = history.events[row["seq"] - 1]
        assert row["state_hash"] == before.meta.prev_hash.hex()


def test_runs_of_older_behaviours_have_the_rows_without_what_was_not_recorded() -> None:
    rows = appended("call_checkpoints", life(4).batch())
    assert [(row["step_number"], row["safe_to_retry"]) for row in rows] == [(None, None)] * 3


@pytest.mark.integration
def test_the_blueprints_checkpoint_and_decision_record(settings: Settings) -> None:
    journal.write(settings.bootstrap_servers, [life()])
    with projector(settings):
        wait_caught_up(settings)
    first, again, write = ask(
        settings,
        "SELECT step, status, agent_decision, idempotency_key, approval, context_refs,"
        " resume_policy, thread_id FROM strong_checkpoints"
        " WHERE status = 'waiting_for_tool' ORDER BY seq",
    )
    asked = {"type": "tool_call", "tool": "look", "args": {"path": "account"}, "reason": WHY}
    assert first[1:5] == (
        "waiting_for_tool", asked, READ, {"required": False, "status": "not_required"},
    )  # fmt: skip
    assert first[5:] == (
        ["goal:goal"], {"safe_to_retry": True, "max_attempts": 2}, "renewals",
    )  # fmt: skip
    assert again[2] == asked
    assert write[2] == {
        "type": "tool_call", "tool": "write", "args": {"path": "edited"}, "reason": "",
    }  # fmt: skip
    assert write[4:6] == (
        {"required": True, "status": "approved"}, ["goal:goal", f"reply:{READ}"],
    )  # fmt: skip

    after = ask(
        settings,
        "SELECT results FROM strong_checkpoints WHERE results <> '{}' ORDER BY seq",
    )
    assert after[-2:] == [({READ: {"owner": "ada"}},), ({WRITTEN: "written"},)]

    decided = ask(
        settings,
        "SELECT decision_type, selected_tool, decision_summary, input_context_refs,"
        " policy_checks -> 0 ->> 'effect' FROM decision_records ORDER BY completed_at LIMIT 1",
    )
    assert decided == [("tool_call", "look", WHY, ["goal:goal"], "permit")]
