"""What a manifest's words become, and what is reported because it becomes nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from runfold.events.definitions import AgentDefinition, RetryPolicy, ToolContract
from runfold.events.definitions.agents.redaction import Redaction
from runfold.events.values import Limits, Placement
from runfold.surfaces.manifests import Manifests
from runfold.surfaces.manifests.check import SCHEMAS, schema_of
from runfold.surfaces.manifests.problems import InvalidManifestsError
from tests.definitions.given import AGENT, READ, SCRIPT, TOOL, Load

RAILS = "  safety: {guardrails: {max_tool_calls: 3}}\n"
DEFAULT = AgentDefinition.model_fields["limits"].default


def agent_of(manifests: Manifests) -> AgentDefinition:
    (found,) = [each for each in manifests.definitions if isinstance(each, AgentDefinition)]
    return found


def tool_of(manifests: Manifests) -> ToolContract:
    (found,) = [each for each in manifests.definitions if isinstance(each, ToolContract)]
    return found


def test_the_smallest_agent(load: Load) -> None:
    manifests = load(AGENT)
    agent = agent_of(manifests)
    assert manifests.remarks == ()
    assert (agent.name, agent.version, agent.model.name) == ("clerk", "1.0.0", "openai:gpt-x")
    assert (agent.tools, agent.limits, agent.approval_from_level) == ((), DEFAULT, 1)
    assert agent.instructions == "You keep the files in order."


def test_the_prompt_version_follows_the_instructions(load: Load) -> None:
    first = agent_of(load(AGENT)).prompt_version
    assert agent_of(load(AGENT.replace("gpt-x", "gpt-y"))).prompt_version == first
    assert agent_of(load(AGENT.replace("order", "disorder"))).prompt_version != first
    said = "  prompts: {system: {template: Be quick., version: p7}}\n"
    assert agent_of(load(AGENT + said)).prompt_version == "p7"
    assert agent_of(load(AGENT + said)).instructions.endswith("order.\n\nBe quick.")
    own = "extensions: {runfold: {prompt_version: p8}}\n"
    assert agent_of(load(AGENT + said + own)).prompt_version == "p8"


def test_the_model(load: Load) -> None:
    rich = AGENT.replace(
        "{provider: openai, model: gpt-x}",
        "{provider: openai, model: gpt-x, temperature: 0.2, maxTokens: 99, "
        "fallback_models: [{provider: anthropic, model: claude-x}], "
        "retry_config: {max_attempts: 5, backoff_strategy: none, initial_delay_ms: 7}}",
    )
    said = "{timeout_ms: 5, placement: pool, reserve_usd: 0.05, context_tokens: 9000}"
    own = f"extensions: {{runfold: {{model: {said}}}}}\n"
    model = agent_of(load(rich + own)).model
    assert (model.name, model.fallbacks) == ("openai:gpt-x", ("anthropic:claude-x",))
    assert (model.parameters, model.max_output_tokens) == ({"temperature": 0.2}, 99)
    retry = RetryPolicy(max_attempts=5, initial_ms=7, multiplier=1.0, max_ms=30_000)
    assert (model.retry, model.timeout_ms, model.placement) == (retry, 5, Placement.POOL)
    assert model.reserve_usd == Decimal("0.05")
    assert model.context_tokens == 9000


def test_the_default_model_names_its_script(load: Load) -> None:
    by_default = AGENT.replace("openai, model: gpt-x", "default")
    own = "extensions: {runfold: {model_script: filing}}\n"
    assert agent_of(load(by_default + own, SCRIPT)).model.name == "default:filing"
    scripted = AGENT.replace("openai, model: gpt-x", "scripted, model: filing")
    assert agent_of(load(scripted, SCRIPT)).model.name == "scripted:filing"


def test_the_environment_chooses_a_model_and_is_reported(load: Load) -> None:
    open_choice = AGENT.replace("model: gpt-x", 'model: "${CLERK_MODEL:-gpt-x}"')
    by_default = load(open_choice)
    chosen = load(open_choice, env={"CLERK_MODEL": "gpt-z"})
    assert agent_of(by_default).model.name == "openai:gpt-x"
    assert agent_of(chosen).model.name == "openai:gpt-z"
    assert by_default.remarks[0].message == '${CLERK_MODEL} is "gpt-x" (its default)'
    assert chosen.remarks[0].message == '${CLERK_MODEL} is "gpt-z" (from the environment)'
    assert chosen.remarks[0].field == "spec.llm.model"


@pytest.mark.parametrize(
    ("more", "limits"),
    [
        ("  constraints: {performance: {timeoutSeconds: 1.5}}\n", {"max_duration_ms": 1500}),
        ("  completion: {max_iterations: 4, timeout_seconds: 2}\n", {"max_model_calls": 4}),
        (RAILS, {"max_tool_calls": 3}),
        ("  safety: {guardrails: {enabled: false, max_tool_calls: 3}}\n", {}),
        (
            f"{RAILS}extensions: {{runfold: {{limits: {{max_tool_calls: 9, max_cost: '0.5'}}}}}}\n",
            {"max_tool_calls": 3, "max_cost": Decimal("0.5")},
        ),
        (
            "extensions: {runfold: {limits: {max_duration_ms: 7200000}}}\n",
            {"max_duration_ms": 7200000},
        ),
    ],
)
def test_the_smallest_of_the_limits_holds(more: str, limits: dict[str, Any], load: Load) -> None:
    duration = {"max_duration_ms": 2000} if "timeout_seconds" in more else {}
    wanted = Limits(**{**DEFAULT.model_dump(), **duration, **limits})
    assert agent_of(load(AGENT + more)).limits == wanted


@pytest.mark.parametrize(
    ("more", "level"),
    [
        ("  autonomy: {level: semi_autonomous}\n", 3),
        ("  autonomy: {level: fully_autonomous}\n", 5),
        ("  autonomy: {level: fully_autonomous, approval_required: true}\n", 1),
        ("  autonomy: {level: autonomous}\n  safety: {human_in_loop: {enabled: true}}\n", 1),
        (
            "  autonomy: {level: assisted}\n  access: {tier: tier_1_read,requires_approval: true}",
            1,
        ),
        ("  autonomy: {level: autonomous}\nextensions: {runfold: {approval_from_level: 2}}\n", 2),
    ],
)
def test_from_which_level_a_person_is_asked(more: str, level: int, load: Load) -> None:
    assert agent_of(load(AGENT + more)).approval_from_level == level


def test_a_tool_inherits_what_it_does_not_say(load: Load) -> None:
    more = "  timeout_ms: 5\n  config: {root: '${SHELF:-/shelf}'}\n"
    manifests = load(TOOL + more, env={"SHELF": "/other"})
    tool = tool_of(manifests)
    assert (tool.name, tool.description) == ("shelf.read", READ.description)
    assert (tool.input_schema, tool.timeout_ms) == (READ.input_schema, 5)
    assert tool.config == {"max_bytes": 1000, "root": "/other"}
    assert [str(each.field) for each in manifests.remarks] == ["spec.config.root"]


@pytest.mark.parametrize(
    ("env", "setting"),
    [
        ({}, "RUNFOLD_TOOL_MODULES=shop.tools "),
        ({"RUNFOLD_TOOL_MODULES": "mine"}, "RUNFOLD_TOOL_MODULES=mine,shop.tools "),
    ],
)
def test_the_author_of_a_tool_from_an_unlisted_module_is_told_what_to_set(
    env: dict[str, str], setting: str, load: Load
) -> None:
    whole = "  description: refunds\n  input_schema: {type: object}\n"
    tool = TOOL.replace("builtin:files.read", "python:shop.tools:refund") + whole
    (told,) = [each for each in load(tool, env=env).remarks if each.field == "spec.use"]
    assert f"set {setting}" in told.message
    assert "python:shop.tools:refund is not checked" in told.message


def test_definitions_come_in_the_order_to_publish_them(load: Load) -> None:
    own = "extensions: {runfold: {model_script: filing}}\n"
    by_default = AGENT.replace("openai, model: gpt-x", "default")
    listed = "  tools: [{type: function, name: shelf.read}]\n"
    found = load(by_default + listed + own, TOOL, SCRIPT).definitions
    assert [each.name for each in found] == ["filing", "shelf.read", "clerk"]


def test_what_is_valid_but_not_honoured_is_named(load: Load) -> None:
    more = (
        "  tools: [{type: mcp, name: files.read, handler: {runtime: x}}]\n"
        "  autonomy: {approval_required: [deploy], blocked_actions: [deploy]}\n"
        "  safety: {pii_detection: {enabled: true}}\n"
        "  separation: {role: approver}\n"
        "extensions: {crewai: {x: 1}}\n"
        "runtime: {type: local}\n"
    )
    told = {each.field: each.line for each in load(AGENT + more, accept_remarks=True).remarks}
    assert told == {
        "spec.tools[0].handler": 7,
        "spec.autonomy.approval_required": 8,
        "spec.autonomy.blocked_actions[0]": 8,
        "spec.safety.pii_detection": 9,
        "spec.separation": 10,
        "extensions.crewai": 11,
        "runtime": 12,
    }


def _unhonoured(schema: dict[str, Any]) -> set[str]:
    return {name for name, of in schema["properties"].items() if "x-not-honoured" in of}


def test_each_field_that_is_not_honoured_is_reported_alone(load: Load) -> None:
    spec = schema_of("Agent")["properties"]["spec"]
    for name in sorted(_unhonoured(spec)):
        remarks = load(f"{AGENT}  {name}: {{}}\n").remarks
        assert [each.field for each in remarks] == [f"spec.{name}"]
    assert len(_unhonoured(spec)) > 20


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_field_of_a_schema_is_described(kind: str) -> None:
    def bare(schema: dict[str, Any], path: str) -> list[str]:
        found = []
        for name, of in schema.get("properties", {}).items():
            here = f"{path}.{name}"
            if not {"description", "x-not-honoured", "$ref"} & of.keys():
                found.append(here)
            found += bare(of, here) + bare(of.get("items", {}), here)
        return found

    assert bare(schema_of(kind), kind) == []
    assert json.dumps(schema_of(kind))


def test_an_agent_says_whether_its_model_is_asked_for_reasons(load: Load) -> None:
    own = "extensions: {runfold: {ask_reasons: false}}\n"
    assert agent_of(load(AGENT)).ask_reasons is True
    assert agent_of(load(AGENT + own)).ask_reasons is False
    # Agents that were published before have the digests that they had.
    assert "ask_reasons" not in agent_of(load(AGENT)).body()


def test_an_agent_says_what_is_hidden_from_its_models(load: Load) -> None:
    own = "extensions: {runfold: {redact: {kinds: [email], from_classification: confidential}}}\n"
    assert agent_of(load(AGENT + own)).redact == Redaction(
        kinds=("email",), from_classification="confidential"
    )
    assert agent_of(load(AGENT + "extensions: {runfold: {redact: {}}}\n")).redact == Redaction()
    assert "redact" not in agent_of(load(AGENT)).body()


def test_the_author_of_a_capped_tool_is_told_that_each_process_keeps_the_cap(load: Load) -> None:
    (told,) = load(TOOL + "  max_concurrency: 3\n").remarks
    assert (told.field, "by each process" in told.message) == ("spec.max_concurrency", True)


def test_an_agent_pins_a_version_of_a_tool_that_must_be_there(load: Load) -> None:
    version = tool_of(load(TOOL)).version
    listed = "  tools: [{type: function, name: shelf.read@%s}]\n"
    manifests = load(AGENT + listed % version, TOOL)
    (found,) = [each for each in manifests.definitions if isinstance(each, AgentDefinition)]
    assert found.tools == (f"shelf.read@{version}",)
    with pytest.raises(InvalidManifestsError, match=r"there is no tool shelf\.read@9\.9\.9"):
        load(AGENT + listed % "9.9.9", TOOL)
