"""A published agent is written as a manifest that declares the same definition."""

from __future__ import annotations

from pathlib import Path

import pytest

from runfold.events.definitions import AgentDefinition, ModelChoice
from runfold.events.values import Limits
from runfold.processors.tool import builtin_contracts
from runfold.surfaces.manifests import load
from runfold.surfaces.manifests.bases import bases, imported_here
from runfold.surfaces.manifests.exporting import NotExportableError, as_ossa
from tests.definitions.given import AGENT, Load

EXAMPLES = Path(__file__).parents[3] / "examples"
RICH = """\
extensions:
  runfold:
    limits: {max_cost: "0.50", max_tool_calls: 9}
    max_malformed: 1
    ask_reasons: false
    redact: {kinds: [email]}
    model: {timeout_ms: 7, reserve_usd: "0.01", parameters: {top_p: 0.5}, placement: pool,
      cheaper_models: [{provider: openai, model: gpt-s}]}
    brakes: {same_calls: {threshold: 3, reactions: [slow, stop]}}
    escalation: {approvals: {ask: [role/lead], end: deny, end_ms: 5}}
    when_spent: {action: extend, more: {usd: "1"}, times: 2}
    input_schema: {type: object}
"""
MODEL = (
    "{provider: openai, model: gpt-x, temperature: 0.2, maxTokens: 9, retry_config: "
    "{max_attempts: 4}, fallback_models: [{provider: anthropic, model: claude-x}]}"
)


def _agent(manifest: str, load: Load) -> AgentDefinition:
    (found,) = load(manifest).definitions
    assert isinstance(found, AgentDefinition)
    return found


@pytest.mark.parametrize(
    "manifest",
    [
        AGENT,
        AGENT + RICH,
        AGENT.replace("{provider: openai, model: gpt-x}", MODEL) + RICH,
        AGENT.replace(", model: gpt-x", ""),
        AGENT.replace("role: You keep the files in order.", "x: 1"),
        AGENT + "  tools: [{name: shelf.look}]\n  autonomy: {level: autonomous}\n",
    ],
)
def test_what_is_exported_declares_the_same(manifest: str, load: Load) -> None:
    agent = _agent(manifest, load)
    again = _agent(as_ossa(agent), load)
    assert again == agent
    assert again.digest() == agent.digest()


def test_the_agents_of_the_examples_are_exported() -> None:
    builtins = builtin_contracts()
    base_of = bases(builtins, ["support_refund"], describe=imported_here)
    folder = EXAMPLES / "hello"
    found = load([folder], env={}, base_of=base_of, builtins=builtins).definitions
    agents = [each for each in found if isinstance(each, AgentDefinition)]
    assert [as_ossa(each)[:10] for each in agents] == ["apiVersion"] * len(agents)


def test_what_no_manifest_declares_is_not_exported() -> None:
    agent = AgentDefinition(
        name="odd",
        version="1.0.0",
        instructions="x",
        prompt_version="1",
        model=ModelChoice(name="openai:gpt-x"),
        limits=Limits(),
    )
    with pytest.raises(NotExportableError, match=r"odd 1\.0\.0 cannot be said.*limits"):
        as_ossa(agent)
