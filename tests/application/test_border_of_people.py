"""What people ask for that would do nothing, or not what they mean, is refused with what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runfold.events.definitions import Definitions
from runfold.processors.run.policy.cedar.checking import faults
from runfold.producers.client.messages import Messages
from runfold.producers.errors import RefusedError
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.application.governing.definitions import Governing, Who
from runfold.surfaces.application.governing.delegations import Delegating, Given
from runfold.surfaces.application.governing.delegations import note_on as note_on_tools
from runfold.surfaces.application.governing.policies.who_can import need_asked_about
from runfold.surfaces.application.governing.switching import note_on
from runfold.surfaces.cli.faults import CliError
from runfold.surfaces.cli.runs.steering import json_content_of
from tests.deciders.given import RUN, TENANT, tool
from tests.deciders.governed import SENDS, governed, kube, policy
from tests.spec import START
from tests.surfaces.answering import context_of
from tests.tenant.test_surface import written


def governing(made: type[Any] = Governing, tenant: str | None = None) -> Any:
    context = context_of(written())
    return made(context.reader, context.writer, Who("ann", "a leak"), tenant, lambda: START)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("model/gpt-4o", "provider:name"),
        ("model/:x", "provider:name"),
        ("model/openai:", "provider:name"),
        ("model/openai:*", "is a pattern"),
        ("tool/pay*", "is a pattern"),
        ("tenant/acme ", "blanks"),
        ("tenant/ac\u200bme", "blanks"),
        ("model/scripted:x\n", "blanks"),
    ],
)
def test_a_switch_for_what_can_have_no_such_name_is_refused(what: str, why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        governing().switch(what, stopped=True)


def test_a_switch_that_stands_on_record_can_be_taken_back_whatever_it_names() -> None:
    with pytest.raises(InvalidError, match="is not stopped: `runfold switch list`"):
        governing().switch("model/gpt*", stopped=False)


def test_a_model_that_no_agent_names_is_stopped_and_it_is_said() -> None:
    known: Definitions = governing().switch("model/openai:gpt-x", stopped=True)
    assert "no published agent names openai:gpt-x" in note_on(known, "model", "openai:gpt-x")
    assert note_on(known, "model", "SCRIPTED:X").endswith("write scripted:x")
    assert note_on(known, "model", "scripted:x") == ""
    assert note_on(known, "tool", "x") == ""


@pytest.mark.parametrize("other", ["Ann", "ann ", "ａnn"])  # noqa: RUF001 - a wide letter
def test_nobody_acts_for_themselves_in_another_spelling(other: str) -> None:
    given = Given(ends_at=START + timedelta(days=1))
    with pytest.raises(InvalidError, match="are one person"):
        governing(Delegating).delegate("ann", other, given)


@pytest.mark.parametrize("tenant", [None, TENANT])
def test_a_delegation_for_no_tool_that_there_is_says_so(tenant: str | None) -> None:
    given = Given(ends_at=START + timedelta(days=1), tools=("mail.sned",))
    known = governing(Delegating, tenant).delegate("ann", "bob", given)
    assert "no tool mail.sned is published" in note_on_tools(known, given.tools, tenant)
    assert note_on_tools(known, (), tenant) == ""


@pytest.mark.parametrize(
    ("action", "why"),
    [
        ("tool.aprove", r"There is no action tool\.aprove; there are tool\.call"),
        ("TOOL.CALL", "There is no action"),
        ("definition.publish", "asked of people outside of runs"),
    ],
)
def test_who_can_do_what_nobody_asks_about_is_no_answer(action: str, why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        need_asked_about(governed(SENDS), action)


@pytest.mark.parametrize("action", ["tool.call", 'Action::"tool.approve"', "read"])
def test_who_can_do_what_somebody_asks_about_is_answered(action: str) -> None:
    need_asked_about(governed(SENDS, tools=(kube("kube.read", "read"),)), action)


@pytest.mark.parametrize("name", ["runfold:approval-by-risk", "a\\nb", "x" * 201, "\\u{1b}[31m"])
def test_an_id_that_is_not_its_own_or_that_nobody_can_read_is_refused(name: str) -> None:
    rule = f'@id("{name}") permit(principal, action == Action::"tool.call", resource);'
    assert any("id" in each for each in faults(policy(rule), [tool("send")]))


@pytest.mark.parametrize("text", ['{"amount": 40, "amount": 4000}', '{"a": {"b": 1, "b": 1}}', "{"])
def test_json_that_could_mean_two_things_is_refused(text: str) -> None:
    with pytest.raises(CliError, match="This is not JSON"):
        json_content_of(text)


def test_json_nested_without_end_is_refused() -> None:
    with pytest.raises(CliError, match="This is not JSON"):
        json_content_of("[" * 200_000)


@pytest.mark.parametrize("hold_ms", [-1, 0, 59_999, 7 * 86_400_000 + 1])
def test_a_run_is_not_held_for_longer_than_was_asked_for(hold_ms: int) -> None:
    messages = Messages(TENANT, "ann")
    with pytest.raises(RefusedError, match="1m to 7d"):
        messages.take_over(RUN, "", hold_ms)
