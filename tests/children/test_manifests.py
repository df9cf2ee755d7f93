"""``kind: Flow`` as people write it, and tools that are made by agents."""

from __future__ import annotations

from pathlib import Path

import pytest

from runfold.events.definitions import AgentDefinition, ToolContract
from runfold.events.values import Placement
from runfold.surfaces.manifests.bases import bases
from runfold.surfaces.manifests.load import Manifests, load
from runfold.surfaces.manifests.problems import InvalidManifestsError

AGENT = """---
apiVersion: ossa/v0.4
kind: Agent
metadata: {{name: {name}, version: "1.0.0"}}
spec: {{role: You work., llm: {{provider: openai, model: gpt-5}}}}
"""

# As the first of the source documents has it.
DOCUMENT = """# OSSA Flow Kind Example
kind: Flow
spec:
  steps:
    - id: plan
      agent: researcher-agent
    - id: code
      agent: developer-agent
      depends_on: [plan]
    - id: test
      agent: qa-agent
      depends_on: [code]
"""
NAMES = ("researcher-agent", "developer-agent", "qa-agent")


def loaded(folder: Path, flow: str, *agents: str, file: str = "ship-it.yaml") -> Manifests:
    (folder / file).write_text(flow)
    (folder / "agents.yaml").write_text("".join(AGENT.format(name=name) for name in agents))
    return load([folder], env={}, base_of=bases(()))


def flow_of(made: Manifests) -> AgentDefinition:
    found = [each for each in made.definitions if isinstance(each, AgentDefinition) and each.flow]
    return found[0]


def test_the_documents_own_flow_is_taken_as_it_stands(tmp_path: Path) -> None:
    made = loaded(tmp_path, DOCUMENT, *NAMES)

    flow = flow_of(made)
    assert (flow.name, flow.version) == ("ship-it", "1.0.0")
    assert flow.flow is not None
    assert [(step.id, step.tool, step.depends_on) for step in flow.flow.steps] == [
        ("plan", "ask_researcher-agent", ()),
        ("code", "ask_developer-agent", ("plan",)),
        ("test", "ask_qa-agent", ("code",)),
    ]
    asked = [each for each in made.definitions if isinstance(each, ToolContract)]
    assert {each.name for each in asked} == {f"ask_{name}" for name in NAMES}
    assert {each.placement for each in asked} == {Placement.RUN}
    assert "give it an apiVersion" in made.remarks[0].message


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ("[{id: a, agent: nobody}]", "there is no agent nobody"),
        ("[{id: a, agent: worker, depends_on: [b]}]", "depends on b, which is no step"),
        (
            "[{id: a, agent: worker, depends_on: [b]}, {id: b, agent: worker, depends_on: [a]}]",
            "steps wait for one another: a > b > a",
        ),
        ("[{id: a, agent: worker, tool: t}]", "one of agent, tool and question"),
        ("[{id: a, agent: worker, dependson: []}]", 'Did you mean "depends_on"?'),
        ("[{id: a}]", "one of agent, tool and question"),
        ("[{id: a, agent: worker@2.0}]", "without a version"),
        ("[{id: a, agent: ship-it}]", "a flow that asks itself never ends"),
        ("[]", "steps"),
    ],
)
def test_what_is_no_flow_is_refused_with_a_sentence(
    tmp_path: Path, steps: str, sentence: str
) -> None:
    with pytest.raises(InvalidManifestsError) as refused:
        loaded(tmp_path, f"kind: Flow\nspec:\n  steps: {steps}\n", "worker")

    assert sentence in str(refused.value)


def test_a_tool_is_a_step_without_a_model(tmp_path: Path) -> None:
    flow = """
apiVersion: runfold/v1
kind: Flow
metadata: {name: check, version: "2"}
spec:
  limits: {max_cost: "1.50"}
  steps:
    - {id: look, tool: look, input: {path: a}, attempts: 3, on_error: skip}
    - {id: sure, question: "Is it right?", options: ["yes", "no"], depends_on: [look]}
---
apiVersion: runfold/v1
kind: Tool
metadata: {name: look, version: "1.0", description: looks}
spec: {use: "python:shop:look", input_schema: {type: object}, risk_level: 0, timeout_ms: 1000}
"""
    made = flow_of(loaded(tmp_path, flow, "worker"))

    assert made.flow is not None
    look, sure = made.flow.steps
    assert (look.tool, look.input, look.attempts, look.on_error) == (
        "look",
        {"path": "a"},
        3,
        "skip",
    )
    assert (sure.tool, sure.input) == (
        "ask_human",
        {"question": "Is it right?", "options": ["yes", "no"]},
    )
    assert made.tools == ("look",)
    assert str(made.limits.max_cost) == "1.500000000000"


def test_a_tool_may_be_made_by_an_agent(tmp_path: Path) -> None:
    tool = """
apiVersion: runfold/v1
kind: Tool
metadata: {name: second_opinion, version: "1.0.0", description: Asks somebody else.}
spec: {use: "agent:worker", timeout_ms: 60000, approval: always}
"""
    made = loaded(tmp_path, tool, "worker")

    (contract,) = [each for each in made.definitions if isinstance(each, ToolContract)]
    assert (contract.implementation, contract.approval) == ("agent:worker", "always")
    assert contract.input_schema["required"] == ["goal"]
