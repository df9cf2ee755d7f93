"""Agents of other products become manifests that apply takes; what is lost is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from runfold.events.definitions import AgentDefinition
from runfold.surfaces.manifests import InvalidManifestsError, load
from runfold.surfaces.manifests.others.importing import Imported, imported
from runfold.surfaces.manifests.problems import UnacceptedRemarksError
from tests.definitions.given import base_of

CREW = """\
researcher:
  role: "{topic} researcher"
  goal: Find what is new in {topic}
  backstory: >
    You look everywhere.
  llm: anthropic/claude-x
  tools: [web_search]
  max_iter: 7
  verbose: true
writer:
  role: Writer
  goal: Write it down
"""

TASKS = """\
research:
  description: Search for {topic}
  expected_output: A list
  agent: researcher
"""

CAGENT = """\
version: "2"
agents:
  root:
    model: fast
    description: Answers questions
    instruction: You answer questions.
    toolsets:
      - type: filesystem
      - {type: mcp, ref: "docker:duckduckgo", tools: [search, fetch]}
    sub_agents: [helper]
    add_date: true
  helper:
    model: openai/gpt-x
    instruction: You help.
models:
  fast: {provider: anthropic, model: claude-x, max_tokens: 900, temperature: 0.1, base_url: x}
"""

AGENT_SPEC = {
    "agentspec_version": "25.4.1",
    "component_type": "Agent",
    "id": "a1",
    "name": "Weather Agent",
    "description": "Tells the weather",
    "metadata": {},
    "inputs": [{"title": "city", "type": "string"}],
    "llm_config": {"$component_ref": "m1"},
    "system_prompt": "You tell the weather.",
    "tools": [{"component_type": "ServerTool", "name": "get_weather"}],
    "$referenced_components": {
        "m1": {
            "component_type": "OpenAiConfig",
            "name": "m",
            "model_id": "gpt-x",
            "default_generation_parameters": {"max_tokens": 50, "temperature": 0.5},
        }
    },
}


def _import(folder: Path, files: dict[str, str], *, accept_remarks: bool = False) -> Imported:
    for name, text in files.items():
        (folder / name).write_text(text)
    return imported([folder], accept_remarks=accept_remarks)


def _agents(found: Imported, folder: Path) -> dict[str, AgentDefinition]:
    """Apply what was imported, in a folder of its own."""
    out = folder / "out"
    out.mkdir()
    for name, text in found.manifests.items():
        (out / name).write_text(text)
    agents = load([out], env={}, base_of=base_of).definitions
    return {each.name: each for each in agents if isinstance(each, AgentDefinition)}


def test_a_crew(tmp_path: Path) -> None:
    found = _import(tmp_path, {"agents.yaml": CREW, "tasks.yaml": TASKS})
    told = {each.field: each.message for each in found.remarks}
    assert "is not filled in" in told["researcher"]
    assert "tasks are not run yet" in told["research"]
    assert "runfold run --agent researcher" in told["research"]
    assert "researcher.verbose" in told
    agents = _agents(found, tmp_path)
    researcher = agents["researcher"]
    assert researcher.model.name == "anthropic:claude-x"
    assert (researcher.tools, researcher.limits.max_model_calls) == (("web_search",), 7)
    assert "Your goal: Find what is new in {topic}\n\nYou look everywhere." in (
        researcher.instructions
    )
    assert agents["writer"].model.name == "unusable:no-model"


def test_cagent(tmp_path: Path) -> None:
    found = _import(tmp_path, {"answers.yaml": CAGENT})
    assert set(found.manifests) == {"answers.yaml", "helper.yaml"}
    told = {each.field for each in found.remarks}
    assert {"agents.root.sub_agents", "agents.root.add_date", "models.fast.base_url"} <= told
    root = _agents(found, tmp_path)["answers"]
    assert (root.model.name, root.model.max_output_tokens) == ("anthropic:claude-x", 900)
    assert root.tools == ("filesystem", "search", "fetch")
    assert root.description == "Answers questions"


def test_agent_spec(tmp_path: Path) -> None:
    found = _import(tmp_path, {"a.json": json.dumps(AGENT_SPEC)})
    assert {each.field for each in found.remarks} == {"metadata", "inputs"}
    agent = _agents(found, tmp_path)["weather-agent"]
    assert (agent.model.name, agent.model.parameters) == ("openai:gpt-x", {"temperature": 0.5})
    assert (agent.model.max_output_tokens, agent.tools) == (50, ("get_weather",))
    assert agent.instructions == "You tell the weather."


def test_another_component_of_agent_spec_is_told(tmp_path: Path) -> None:
    found = _import(tmp_path, {"f.yaml": "component_type: Flow\nname: f\n"})
    assert found.manifests == {}
    assert "a Flow is not run yet" in found.remarks[0].message


def test_instructions_for_agents(tmp_path: Path) -> None:
    home = tmp_path / "Our Shop"
    home.mkdir()
    found = _import(home, {"AGENTS.md": "# Rules\n\nRun the tests first.\n"})
    assert _agents(found, tmp_path)["our-shop"].instructions == "# Rules\n\nRun the tests first."


def test_what_protects_is_not_lost_without_consent(tmp_path: Path) -> None:
    crew = CREW + "  human_input_approval: true\n"
    with pytest.raises(UnacceptedRemarksError, match=r"writer\.human_input_approval"):
        _import(tmp_path, {"agents.yaml": crew})
    (found,) = [
        text
        for name, text in _import(tmp_path, {}, accept_remarks=True).manifests.items()
        if name == "writer.yaml"
    ]
    assert "# - writer.human_input_approval: not honoured" in found


def test_a_remark_stays_a_comment(tmp_path: Path) -> None:
    wicked = CREW + '  "x\\nspec: {role: other}\\u2028y": 1\n'
    text = _import(tmp_path, {"agents.yaml": wicked}).manifests["writer.yaml"]
    assert yaml.safe_load(text)["spec"]["role"].startswith("Writer")


_BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(8)
)


_ODD_MODEL = (
    "component_type: Agent\nllm_config: {component_type: OpenAiConfig, model_id: m, "
    "default_generation_parameters: 4}\n"
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_BOMB, "aliases expand to more than"),
        (CREW + "writer: {role: x, goal: y}\n", 'the key "writer" is written twice'),
        ("#" * 1_000_001, "larger than 1000000 bytes"),
        ("a: !!python/name:os.system\n", "is not a text"),
        ("[1, 2]\n", "it is nothing that is read here"),
        ("{}\n", "it is nothing that is read here"),
        ("apiVersion: ossa/v0.4\nkind: Agent\n", "runfold apply reads it as it is"),
        ("Ann: {role: x, goal: y}\nann: {role: x, goal: y}\n", "another agent is called ann too"),
        ("x: {role: 3, goal: [y], llm: {a: 1}, tools: 3, max_iter: x}\n", ""),
        ("agents: {root: {model: 3, toolsets: 4, instruction: []}}\nmodels: 3\n", ""),
        ("component_type: Agent\nname: [1]\nllm_config: 3\ntools: {}\n", ""),
        ("component_type: Agent\nllm_config: {$component_ref: [1]}\ntools: [1, [2], {}]\n", ""),
        (_ODD_MODEL, ""),
    ],
)
def test_hostile_files_are_refused_or_told(text: str, said: str, tmp_path: Path) -> None:
    if not said:
        assert _import(tmp_path, {"f.yaml": text}).remarks
        return
    with pytest.raises(InvalidManifestsError) as raised:
        _import(tmp_path, {"f.yaml": text})
    assert said in str(raised.value)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text(CREW)
    inner = tmp_path / "crew"
    inner.mkdir()
    (inner / "agents.yaml").symlink_to(tmp_path / "secret.yaml")
    with pytest.raises(InvalidManifestsError, match="it leads out of the folder"):
        imported([inner])
