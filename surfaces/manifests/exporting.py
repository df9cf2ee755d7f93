"""From a definition back to an OSSA manifest that declares the same definition."""

from __future__ import annotations

from typing import Any

import yaml

from runfold.events.definitions import AgentDefinition
from runfold.events.definitions.agents.agent import UNUSABLE, ModelChoice
from runfold.infra.documents import single
from runfold.surfaces.manifests.agents.agent import lower_agent
from runfold.surfaces.manifests.check import check
from runfold.surfaces.manifests.ossa.words import NO_ROLE
from runfold.surfaces.manifests.problems import InvalidManifestsError

_AS_THEY_ARE = (
    *("redact", "brakes", "escalation", "when_unavailable", "when_spent"),
    *("input_schema", "output_schema", "ask_reasons"),
)
_FILE = "export"


class NotExportableError(Exception):
    """A definition that no manifest declares; the text names the fields."""


def as_ossa(agent: AgentDefinition) -> str:
    """Return the manifest of an agent as YAML; applying it declares the same definition.

    Raises NotExportableError where it does not.
    """
    text = yaml.safe_dump(_manifest(agent), sort_keys=False, allow_unicode=True, width=100)
    document = single(text, _FILE)
    check(document)
    if document.problems:
        raise NotExportableError(str(InvalidManifestsError(document.problems)))
    again, _ = lower_agent(document, {})
    if document.problems or again.digest() != agent.digest():
        ours, theirs = agent.model_dump(mode="json"), again.model_dump(mode="json")
        fields = ", ".join(name for name in ours if ours[name] != theirs.get(name))
        raise NotExportableError(
            f"{agent.name} {agent.version} cannot be said in a manifest ({fields or 'its form'})"
        )
    return text


def _manifest(agent: AgentDefinition) -> dict[str, Any]:
    said = agent.model_dump(mode="json", exclude_defaults=True)
    metadata = {
        "name": agent.name,
        "version": agent.version,
        **({"description": agent.description} if agent.description else {}),
        **({"labels": dict(agent.labels)} if agent.labels else {}),
    }
    spec: dict[str, Any] = {"role": agent.instructions, "llm": _llm(agent.model)}
    if agent.tools:
        spec["tools"] = [{"type": "custom", "name": name} for name in agent.tools]
    spec["autonomy"] = {"level": agent.autonomy}
    own = {
        "prompt_version": agent.prompt_version,
        "approval_from_level": agent.approval_from_level,
        "max_malformed": agent.max_malformed,
        "limits": agent.limits.model_dump(mode="json", exclude_none=True),
        "model": _how(agent.model),
        **{name: said[name] for name in _AS_THEY_ARE if name in said},
    }
    for brake in own.get("brakes", {}).values():
        number = float(brake["threshold"])
        brake["threshold"] = int(number) if number.is_integer() else number
    provider, _, script = agent.model.name.partition(":")
    if provider == "default":
        own["model_script"] = script
    if provider == UNUSABLE:
        del spec["llm"]
    if script == NO_ROLE and provider == UNUSABLE:
        del spec["role"]
    return {
        "apiVersion": "ossa/v0.4",
        "kind": "Agent",
        "metadata": metadata,
        "spec": spec,
        "extensions": {"runfold": own},
    }


def _llm(model: ModelChoice) -> dict[str, Any]:
    provider, _, name = model.name.partition(":")
    retry = model.retry
    said: dict[str, Any] = {"provider": provider}
    if provider != "default":
        said["model"] = name
    if "temperature" in model.parameters:
        said["temperature"] = model.parameters["temperature"]
    if model.max_output_tokens is not None:
        said["maxTokens"] = model.max_output_tokens
    if model.fallbacks:
        said["fallback_models"] = [_named(each) for each in model.fallbacks]
    if retry != type(retry)():
        said["retry_config"] = {
            "max_attempts": retry.max_attempts,
            "backoff_strategy": "none" if retry.multiplier == 1.0 else "exponential",
            "initial_delay_ms": retry.initial_ms,
            "max_delay_ms": retry.max_ms,
        }
    return said


def _named(model: str) -> dict[str, str]:
    provider, _, name = model.partition(":")
    return {"provider": provider, "model": name}


def _how(model: ModelChoice) -> dict[str, Any]:
    said = model.model_dump(mode="json", exclude_defaults=True)
    names = ("timeout_ms", "context_tokens", "unpriced", "reserve_usd", "placement")
    more = {key: value for key, value in model.parameters.items() if key != "temperature"}
    return {
        **{name: said[name] for name in names if name in said},
        **({"parameters": more} if more else {}),
        **({"cheaper_models": [_named(each) for each in model.cheaper]} if model.cheaper else {}),
    }
