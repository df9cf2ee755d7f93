"""Escalations as a manifest declares them: what they become, and what is refused."""

from __future__ import annotations

import pytest

from runfold.events.definitions import AgentDefinition
from tests.deciders.given import agent
from tests.definitions.given import AGENT, Faults, Load
from tests.definitions.test_lowering import agent_of


def escalating(said: str, manifest: str = AGENT) -> str:
    return f"{manifest}extensions: {{runfold: {{escalation: {{{said}}}}}}}\n"


def test_what_is_declared_is_what_the_definition_says(load: Load) -> None:
    said = (
        "approvals: {ask: [role/approver], steps: [{after_ms: 900000, ask: [user/ann], "
        'text: "#ops"}], end: deny, end_ms: 3600000}, questions: {ask: [role/duty]}'
    )
    found = agent_of(load(escalating(said))).escalation
    assert found.approvals is not None
    assert found.approvals.ask == ("role/approver",)
    (step,) = found.approvals.steps
    assert (step.after_ms, step.ask, step.text) == (900_000, ("user/ann",), "#ops")
    assert (found.approvals.end, found.approvals.end_ms) == ("deny", 3_600_000)
    assert found.questions is not None
    assert found.questions.end == "wait"


def test_a_definition_without_escalations_has_the_digest_that_it_had() -> None:
    assert "escalation" not in agent().body()
    asking = agent(escalation={"approvals": {"ask": ["role/x"]}})
    again = AgentDefinition.model_validate_json(asking.body())
    assert (again, again.digest()) == (asking, asking.digest())


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("approval: {ask: [role/x]}", 'Did you mean "approvals"?'),
        ("approvals: {ask: [ann]}", "somebody who is asked is role/NAME or user/NAME"),
        ("approvals: {ask: [role/x], end: shrug}", "is none of wait, deny, fail, approve"),
        ("approvals: {end: deny}", "say after how long the end (deny) comes"),
        ("approvals: {ask: [role/x], end_ms: 5}", "leave end_ms out"),
        ("approvals: {}", "nothing follows"),
        ("approvals: {steps: [{after_ms: 0, ask: [role/x]}]}", "1 to 31622400000 milliseconds"),
        ("approvals: {steps: [{after_ms: 5}]}", '"ask" is missing'),
        ("questions: {end: approve, end_ms: 5}", "a question cannot be approved"),
        ("approvals: {ask: [user/ann for user/bob]}", "is no name of a person"),
        (
            'approvals: {ask: [role/x], steps: [{after_ms: 5, ask: ["user/a\\u200b"]}]}',
            "is no name",
        ),
    ],
)
def test_an_escalation_that_cannot_hold_is_refused(
    faults: Faults, said: str, sentence: str
) -> None:
    assert any(sentence in told for told in faults(escalating(said)))


TOOL = (
    "apiVersion: runfold/v1\nkind: Tool\nmetadata: {{name: files.own, version: '1.0.0'}}\n"
    "spec: {{use: 'builtin:files.read', risk_level: {level}}}\n"
)


def test_a_deadline_is_not_to_approve_what_is_above_level_one(faults: Faults, load: Load) -> None:
    with_tool = AGENT + "  tools: [{type: mcp, name: files.own}]\n"
    said = escalating("approvals: {end: approve, end_ms: 5}", with_tool)
    (told,) = faults(f"{said}---\n{TOOL.format(level=3)}")
    assert "approves calls up to risk level 1, and files.own is above it" in told
    assert load(escalating("approvals: {end: approve, end_ms: 5}"))
