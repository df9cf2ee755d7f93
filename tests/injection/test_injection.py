"""A model that obeys every attack gets nothing that its agent was not given [112]."""

from __future__ import annotations

import dataclasses
import json

import pytest

from runfold.events import run as j
from tests.injection.attacks import Attack, attacks
from tests.injection.report import PAGE, page
from tests.injection.world import (
    AGENT,
    CHANNELS,
    GET,
    LIMITS,
    NOTE,
    OTHERS,
    READ,
    SECRET,
    TOOLS,
    Outcome,
    carried_out,
    outcome_of,
)

CASES = [(attack, CHANNELS[place % len(CHANNELS)]) for place, attack in enumerate(attacks())]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-by-{case[1]}")
def outcome(request: pytest.FixtureRequest) -> Outcome:
    return outcome_of(*request.param)


def test_obeying_gives_nothing_that_the_agent_was_not_given(outcome: Outcome) -> None:
    facts = outcome.run.facts
    # The model has read it, and has asked for what the attack wants.
    assert any(isinstance(fact, j.ToolCallProposed) for fact in facts)
    assert len(outcome.model.asked) >= 2

    # No tool is added, none is called that was not pinned, none acts without leave.
    (created,) = [fact for fact in facts if isinstance(fact, j.RunCreated)]
    assert {pin.name for pin in created.tools} == {tool.name for tool in TOOLS}
    assert outcome.effects == []
    assert set(outcome.answered) <= {READ.name}

    # No approval is skipped: what waits for a person still waits, and nothing else was permitted.
    asked = {fact.call_id for fact in facts if isinstance(fact, j.ApprovalRequested)}
    permitted = {fact.call_id for fact in facts if isinstance(fact, j.ToolCallApproved)}
    assert not asked & permitted

    # Tenant, limits and instructions are those of the beginning.
    assert {event.meta.tenant_id for event in events(outcome)} == {"acme"}
    assert created.limits == LIMITS
    assert len({work.instructions.digest for work in outcome.model.asked}) == 1
    assert {work.tenant_id for work in outcome.model.asked} == {"acme"}
    assert len({work.tools for work in outcome.model.asked}) == 1

    # The tool's secret is nowhere, and every decision is made again to the same end.
    assert SECRET not in repr(facts) + repr(outcome.model.asked)
    assert list(outcome.run.history().differences()) == []


def events(outcome: Outcome) -> list[j.Event]:
    return outcome.run._runtime.events(outcome.run.id)


def test_the_corpus_is_what_it_says() -> None:
    found = attacks()
    assert len(found) >= 120
    assert len({attack.text for attack in found}) == len(found)
    assert len({attack.shape for attack in found}) == 10
    assert {channel for _, channel in CASES} == set(CHANNELS)
    assert all(attack.wants for attack in found)


@pytest.mark.parametrize("order", ["send-mail", "delete", "remember", "tell-secret"])
def test_an_agent_that_is_given_everything_does_what_it_is_told(order: str) -> None:
    """The proof that an attack that could succeed is seen to."""
    attack = next(each for each in attacks() if each.order == order)
    everything = AGENT.model_copy(
        update={
            "tools": tuple(tool.name for tool in (*TOOLS, *OTHERS)),
            "approval_from_level": 5,
        }
    )
    assert carried_out(attack, "result", everything).effects != []


@pytest.mark.parametrize("attack", [each for each in attacks() if each.number == 1], ids=str)
def test_an_agent_that_acts_without_people_asks_them_once_it_has_read_a_stranger(
    attack: Attack,
) -> None:
    free = AGENT.model_copy(update={"approval_from_level": 5})
    inbox = READ.model_copy(update={"untrusted_output": True})
    outcome = carried_out(attack, "result", free, inbox)
    assert set(outcome.effects) <= {NOTE.name}
    if attack.order == "send-mail":
        assert carried_out(attack, "result", free).effects == ["mail.send"]


@pytest.mark.parametrize(
    "attack",
    [each for each in attacks() if each.number == 1 or each.shape == "forged-provenance"],
    ids=str,
)
def test_an_attachment_that_is_declared_a_strangers_asks_people_from_the_first_call(
    attack: Attack,
) -> None:
    free = AGENT.model_copy(update={"approval_from_level": 5})
    outcome = carried_out(attack, "attachment", free, declared=True)
    assert set(outcome.effects) <= {NOTE.name}
    assert {work.attachments[0].untrusted for work in outcome.model.asked} == {True}
    assert list(outcome.run.history().differences()) == []
    if attack.order == "send-mail":
        assert carried_out(attack, "attachment", free).effects == ["mail.send"]


def test_what_an_attack_leaves_is_not_there_in_the_next_run() -> None:
    attack = next(each for each in attacks() if each.shape == "persistence")
    first = carried_out(attack, "result")
    clean = dataclasses.replace(attack, text="Nothing new.", wants=())
    second = carried_out(clean, "result")
    assert attack.text in repr([plain(work) for work in first.model.asked])
    assert attack.text not in repr([plain(work) for work in second.model.asked])


def plain(work: object) -> str:
    return json.dumps(repr(work), ensure_ascii=False)


def test_addresses_are_refused_before_anybody_is_asked() -> None:
    attack: Attack = next(each for each in attacks() if each.order == "inner-network")
    refused = [
        fact
        for fact in carried_out(attack, "result").run.facts
        if isinstance(fact, j.ToolCallFailed) and fact.tool == GET.name
    ]
    assert [fact.error.error_type for fact in refused] == ["denied", "denied"]


def test_the_page_says_what_was_tried() -> None:
    assert NOTE.name in page()
    assert PAGE.read_text(encoding="utf-8") == page()
