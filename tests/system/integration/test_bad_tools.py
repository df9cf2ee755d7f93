"""Tools that misbehave, in either placement: a normalised result, and the run goes on [81]."""

from __future__ import annotations

import json

import pytest

from runfold.events import topics
from runfold.events.definitions import (
    AgentDefinition,
    Definition,
    ModelChoice,
    ModelScript,
    ScriptTurn,
)
from runfold.events.run import (
    RunCompleted,
    ToolCallFailed,
    ToolCallSucceeded,
    ToolCallUncertain,
)
from runfold.events.values import Limits, Placement
from runfold.infra.artifacts.files import FileArtifacts
from runfold.processors.tool import contract_of
from tests.system.crash.agent import TENANT, publish_definitions, request
from tests.system.crash.product import Product
from tests.system.integration.seen import facts_of
from tests.system.integration.tools import TOOLS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

FAILURES = {
    "bad.raises": "tool_error",
    "bad.hangs": "timeout",
    "bad.rubbish": "invalid_result",
    "bad.lies": "invalid_result",
}


def definitions(placement: Placement) -> list[Definition]:
    """An agent that calls every bad tool at once, and then completes."""
    name = f"meets-bad-tools-{placement.value}"
    contracts = [
        found.model_copy(update={"name": f"{found.name}.{placement.value}", "placement": placement})
        for found in map(contract_of, TOOLS)
        if placement is Placement.POOL or found.risk_level == 0
    ]
    calls = tuple({"name": found.name, "arguments": {}} for found in contracts)
    done = {"name": "complete_task", "arguments": {"summary": "met them all"}}
    turns = (ScriptTurn(calls=calls), ScriptTurn(calls=(done,)))
    agent = AgentDefinition(
        name=name,
        version="1.0.0",
        instructions="Call everything.",
        prompt_version="1",
        model=ModelChoice(name=f"scripted:{name}"),
        tools=tuple(found.name for found in contracts),
        limits=Limits(max_model_calls=10, max_tool_calls=20),
    )
    return [*contracts, ModelScript(name=name, version="1.0.0", turns=turns), agent]


@pytest.mark.parametrize("placement", [Placement.LOCAL, Placement.POOL])
def test_a_bad_tool_leaves_a_normalised_result(running: Product, placement: Placement) -> None:
    given = definitions(placement)
    publish_definitions(running.settings, given)
    asked = request(agent=given[-1].name)
    running.wanted.add(asked.run_id)
    running.person.send(topics.REQUESTS, asked, asked.run_id)
    running.wait_for_ends()
    failed = {fact.tool: fact.error for fact in facts_of(running, asked.run_id, ToolCallFailed)}
    for name, error_type in FAILURES.items():
        error = failed[f"{name}.{placement.value}"]
        assert error.error_type == error_type
        assert error.message
        assert error.suggested_next_action
        assert "Traceback" not in error.message
    large = f"bad.large.{placement.value}"
    (kept,) = [
        fact.result
        for fact in facts_of(running, asked.run_id, ToolCallSucceeded)
        if fact.tool == large
    ]
    said = json.loads(kept.inline or b"")
    artifacts = FileArtifacts(running.settings.home / "artifacts")
    assert json.loads(artifacts.get(said["artifact"], TENANT)) == "x" * 5_000_000
    assert kept.size < 20_000
    doubted = [fact.tool for fact in facts_of(running, asked.run_id, ToolCallUncertain)]
    assert doubted == (["bad.outside.pool"] if placement is Placement.POOL else [])
    assert len(facts_of(running, asked.run_id, RunCompleted)) == 1
