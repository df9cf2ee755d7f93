"""Oracle's Agent Spec: components with a type; an Agent is read, flows and groups are told."""

from __future__ import annotations

from typing import Any

from runfold.infra.documents import Document
from runfold.surfaces.manifests.others.made import Made, tools_named
from runfold.surfaces.manifests.problems import Remark

_VERSION = "agentspec_version"
_SHARED = "$referenced_components"
_CARRIED = {
    *("component_type", "id", "name", "description", "llm_config", "system_prompt", "tools"),
    *(_VERSION, _SHARED),
}
_PROVIDERS = {
    "GeminiConfig": "google",
    "OciGenAiConfig": "oci",
    "OllamaConfig": "ollama",
    "OpenAiCompatibleConfig": "openai",
    "OpenAiConfig": "openai",
    "VllmConfig": "vllm",
}
_OF_MODELS = {"component_type", "id", "name", "model_id", "default_generation_parameters"}


def is_agent_spec(data: dict[str, Any]) -> bool:
    """Return whether it is a component of Agent Spec."""
    return isinstance(data.get("component_type"), str) or _VERSION in data


def read_agent_spec(document: Document) -> tuple[list[Made], list[Remark]]:
    """Return the agent of a document; a remark where it is another component."""
    kind = document.data.get("component_type")
    if kind != "Agent":
        sentence = f"not honoured: a {str(kind)[:40]} is not run yet; only an Agent is read"
        return [], [document.remark(("component_type",), sentence)]
    said = document.data
    made = Made(document, (), said, str(said.get("name") or "agent"))
    made.description = made.text("description")
    if prompt := made.text("system_prompt"):
        made.spec["role"] = prompt
    if "{{" in prompt:
        sentence = "what stands in braces is not filled in: say it in the goal of the run"
        made.told.append(document.remark(("system_prompt",), sentence))
    _model(made)
    tools = said.get("tools")
    if isinstance(tools, list):
        found = [_component(document, each) for each in tools]
        made.spec["tools"] = tools_named(
            str(each.get("name") or each.get("$component_ref") or "tool") for each in found
        )
    elif tools is not None:
        made.lost("tools", "it should be a list")
    made.tell_the_rest(_CARRIED, {})
    return [made], []


def _component(document: Document, said: Any) -> dict[str, Any]:
    """Return a component, or the one in the same document that a reference names."""
    if not isinstance(said, dict):
        return {"name": said}
    shared = document.data.get(_SHARED)
    found = shared.get(said.get("$component_ref")) if isinstance(shared, dict) else None
    return found if isinstance(found, dict) else said


def _model(made: Made) -> None:
    if "llm_config" not in made.said:
        return
    said = _component(made.of, made.said["llm_config"])
    own = Made(made.of, ("llm_config",), said, "")
    provider, model = _PROVIDERS.get(str(said.get("component_type"))), own.text("model_id")
    if provider is None or not model:
        made.lost("llm_config", "which model it is is not known here")
        return
    llm: dict[str, Any] = {"provider": provider, "model": model}
    how = said.get("default_generation_parameters")
    if how is not None and not isinstance(how, dict):
        own.lost("default_generation_parameters", "it should be a mapping")
    asked = Made(
        made.of,
        (*own.at, "default_generation_parameters"),
        how if isinstance(how, dict) else {},
        "",
    )
    asked.number("max_tokens", ("maxTokens",))
    if isinstance(asked.said.get("temperature"), int | float):
        llm["temperature"] = asked.said["temperature"]
    asked.tell_the_rest({"max_tokens", "temperature"}, {})
    own.tell_the_rest(_OF_MODELS, {"url": "a provider's address is a setting: see docs/models.md"})
    made.told += [*own.told, *asked.told]
    made.spec["llm"] = {**llm, **asked.spec}
