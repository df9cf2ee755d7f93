"""Brakes as a manifest declares them: what they become, and what is refused with a sentence."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from runfold.events.contents.content import canonical_json
from runfold.events.definitions import AgentDefinition, Definitions
from tests.deciders.given import agent
from tests.definitions.given import AGENT, Faults, Load
from tests.definitions.test_lowering import agent_of

WITH_TOOL = AGENT + "  tools: [{type: mcp, name: files.read}]\n"


def braked(brakes: str, manifest: str = AGENT) -> str:
    return f"{manifest}extensions: {{runfold: {{brakes: {{{brakes}}}}}}}\n"


def test_what_is_declared_is_what_the_definition_says(load: Load) -> None:
    said = (
        "error_streak: {threshold: 3, reactions: [think_again, ask, stop]}, "
        "cost_velocity: {threshold: 0.5, reactions: [slow], slow_ms: 60000}"
    )
    brakes = agent_of(load(braked(said))).brakes
    assert brakes["error_streak"].threshold == 3
    assert brakes["error_streak"].reactions == ("think_again", "ask", "stop")
    assert (brakes["cost_velocity"].threshold, brakes["cost_velocity"].slow_ms) == (
        Decimal("0.5"),
        60_000,
    )


def test_a_definition_without_brakes_has_the_digest_that_it_had() -> None:
    assert "brakes" not in agent().body()
    braked_agent = agent(brakes={"same_calls": {"threshold": 3, "reactions": ["ask"]}})
    assert '"brakes":{"same_calls":{"reactions":["ask"],"slow_ms":30000,"threshold":"3"}}' in (
        braked_agent.body()
    )
    again = AgentDefinition.model_validate_json(braked_agent.body())
    assert again == braked_agent
    assert again.digest() == braked_agent.digest()


@pytest.mark.parametrize(
    ("brakes", "sentence"),
    [
        ("error_streek: {threshold: 3, reactions: [ask]}", 'Did you mean "error_streak"?'),
        ("error_streak: {threshold: 0, reactions: [ask]}", "whole number, 1 to 32"),
        ("error_streak: {threshold: -1, reactions: [ask]}", "whole number, 1 to 32"),
        ("error_streak: {threshold: 2.5, reactions: [ask]}", "whole number, 1 to 32"),
        ("same_calls: {threshold: 1, reactions: [ask]}", "whole number, 2 to 32"),
        ("same_calls: {threshold: 33, reactions: [ask]}", "whole number, 2 to 32"),
        ("cost_velocity: {threshold: 0, reactions: [ask]}", "a number above zero"),
        ('cost_velocity: {threshold: "0.0", reactions: [ask]}', "above zero"),
        ('token_velocity: {threshold: "fast", reactions: [ask]}', "a number above zero"),
        ("error_streak: {threshold: 3}", '"reactions" is missing'),
        ("error_streak: {reactions: [ask]}", '"threshold" is missing'),
        ("error_streak: {threshold: 3, reactions: []}", "name at least one reaction"),
        ("error_streak: {threshold: 3, reactions: [ask, null]}", "is none of slow"),
        ("error_streak: {threshold: 3, reactions: [panic]}", "is none of slow"),
        ("no_progress: {threshold: 3, reactions: [roll_back]}", "names no call to go back to"),
        ("tainted_call: {threshold: 5, reactions: [ask]}", "a risk level, 1 to 4"),
        ("error_streak: {threshold: 3, reactions: [stop, ask]}", "nothing can follow stop"),
        ("error_streak: {threshold: 3, reactions: [ask], claims: {a: b}}", "unknown field"),
        (
            "unfounded_claims: {threshold: 1, reactions: [ask], claims: {sent: files.reed}}",
            "files.reed is no tool of this agent",
        ),
        (
            'unfounded_claims: {threshold: 1, reactions: [ask], claims: {"?!": files.read}}',
            "holds no word",
        ),
    ],
)
def test_what_cannot_hold_is_refused(faults: Faults, brakes: str, sentence: str) -> None:
    (told,) = faults(braked(brakes, WITH_TOOL))
    assert "extensions.runfold.brakes" in told
    assert sentence in told


def test_claims_name_tools_of_the_agent(load: Load) -> None:
    said = "unfounded_claims: {threshold: 1, reactions: [ask], claims: {sent: files.read}}"
    brakes = agent_of(load(braked(said, WITH_TOOL))).brakes
    assert brakes["unfounded_claims"].claims == {"sent": "files.read"}


@pytest.mark.parametrize(
    "brakes",
    [
        {"fast": {"threshold": 3, "reactions": ["ask"]}},
        {"error_streak": {"threshold": 0, "reactions": ["ask"]}},
        {"cost_velocity": {"threshold": "NaN", "reactions": ["ask"]}},
        {"cost_velocity": {"threshold": True, "reactions": ["ask"]}},
        {"error_streak": {"threshold": 3, "reactions": []}},
        {"error_streak": {"threshold": 3, "reactions": ["stop", "ask"]}},
        {"error_streak": {"threshold": 3, "reactions": ["jump"]}},
    ],
)
def test_no_body_that_cannot_hold_is_a_definition(brakes: dict[str, object]) -> None:
    """Whoever publishes without a manifest is refused as well."""
    with pytest.raises(ValidationError):
        agent(brakes=brakes)
    body = canonical_json(agent().model_dump(mode="json") | {"brakes": brakes})
    with pytest.raises(ValidationError):
        Definitions().plus("agent", body, 1)


def test_what_becomes_of_calls_of_a_tool_that_is_left_alone(load: Load, faults: Faults) -> None:
    said = "extensions: {runfold: {when_unavailable: {files.read: skip}}}\n"
    assert agent_of(load(WITH_TOOL + said)).when_unavailable == {"files.read": "skip"}
    assert "when_unavailable" not in agent().body()
    (told,) = faults(WITH_TOOL + said.replace("read", "reed"))
    assert "files.reed is no tool of this agent" in told
    (told,) = faults(WITH_TOOL + said.replace("skip", "jump"))
    assert '"jump" is none of skip, fail, wait' in told
