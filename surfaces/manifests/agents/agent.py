"""An OSSA agent as the runtime's own definition."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from runfold.events.definitions import AgentDefinition, ModelChoice, RetryPolicy
from runfold.events.json_schema import problems_of
from runfold.events.values import Limits, Placement
from runfold.infra.documents import Document
from runfold.surfaces.manifests.agents.brakes import lower_brakes, lower_unavailable
from runfold.surfaces.manifests.agents.escalation import lower_escalation
from runfold.surfaces.manifests.governing.spending import lower_cheaper, lower_when_spent
from runfold.surfaces.manifests.problems import Remark
from runfold.surfaces.manifests.substitute import Substitution

APPROVAL_FROM = {
    "supervised": 1,
    "assisted": 2,
    "semi_autonomous": 3,
    "autonomous": 4,
    "fully_autonomous": 5,
}
"""The risk level from which an autonomy level asks a person; 5 is above every level."""

TIER_LEVEL = {
    "tier_1_read": 0,
    "tier_2_write_limited": 1,
    "tier_3_write_elevated": 3,
    "tier_4_policy": 4,
}
"""The highest risk level that the tools of an access tier may have."""

_SCHEMAS = ("input_schema", "output_schema")
_AS_THEY_ARE = ("max_malformed", "ask_reasons", "redact", *_SCHEMAS)


def lower_agent(document: Document, env: Mapping[str, str]) -> tuple[AgentDefinition, list[Remark]]:
    """Return the definition that a checked document declares, and what to tell its author."""
    metadata, spec = document.data["metadata"], document.data["spec"]
    own = document.data.get("extensions", {}).get("runfold", {})
    remarks: list[Remark] = []
    llm = Substitution(document, env, remarks).replace(spec["llm"], ("spec", "llm"))
    instructions, said_version = _instructions(spec)
    if not instructions:
        document.refuse(("spec",), "say what the agent is: give spec.role or spec.prompts.system")
    level = spec.get("autonomy", {}).get("level", "supervised")
    defaults = AgentDefinition.model_fields["limits"].default
    tools = _tools(spec, document)
    limits = _limits(spec, own, defaults)
    _check_schemas(own, document)
    definition = AgentDefinition(
        name=metadata["name"],
        version=metadata["version"],
        description=metadata.get("description", ""),
        instructions=instructions,
        prompt_version=own.get("prompt_version") or said_version or _short_hash(instructions),
        model=_model(llm, own, document),
        tools=tools,
        limits=limits,
        approval_from_level=own.get("approval_from_level", _approval_from(spec, level)),
        autonomy=level,
        labels=metadata.get("labels", {}),
        brakes=lower_brakes(own.get("brakes", {}), tools, document),
        **lower_unavailable(own, tools, document),
        escalation=lower_escalation(own, document),
        **lower_when_spent(own, limits, document),
        **{name: own[name] for name in _AS_THEY_ARE if name in own},
    )
    return definition, [*remarks, *_half_honoured(spec, document, definition.approval_from_level)]


def _check_schemas(own: dict[str, Any], document: Document) -> None:
    """Refuse schemas that cannot be evaluated, and an input that is no object."""
    for name in _SCHEMAS:
        schema = own.get(name)
        if schema is None:
            continue
        problems = problems_of(schema)
        for problem in problems:
            where = ("extensions", "runfold", name, *problem.path)
            document.refuse(where, f"not a JSON Schema that can be used: {problem.text}")
        if not problems and name == "input_schema" and schema.get("type") != "object":
            document.refuse(
                ("extensions", "runfold", name),
                "what an agent takes is an object: say type: object",
            )


def _instructions(spec: dict[str, Any]) -> tuple[str, str]:
    system = spec.get("prompts", {}).get("system", "")
    said = system if isinstance(system, str) else system["template"]
    version = "" if isinstance(system, str) else system.get("version", "")
    parts = [part.strip() for part in (spec.get("role", ""), said)]
    return "\n\n".join(part for part in parts if part), version


def _short_hash(instructions: str) -> str:
    return hashlib.sha256(instructions.encode()).hexdigest()[:12]


def _model(llm: dict[str, Any], own: dict[str, Any], document: Document) -> ModelChoice:
    how = own.get("model", {})
    parameters = dict(how.get("parameters", {}))
    if "temperature" in llm:
        parameters["temperature"] = llm["temperature"]
    given: dict[str, Any] = {
        "max_output_tokens": llm.get("maxTokens"),
        "timeout_ms": how.get("timeout_ms"),
        "context_tokens": how.get("context_tokens"),
        "unpriced": how.get("unpriced"),
        "reserve_usd": Decimal(str(how["reserve_usd"])) if "reserve_usd" in how else None,
        "placement": Placement(how["placement"]) if "placement" in how else None,
        "retry": _retry(llm["retry_config"]) if "retry_config" in llm else None,
    }
    name = _model_name(llm, _script(own, document), document)
    fallbacks = tuple(f"{m['provider']}:{m['model']}" for m in llm.get("fallback_models", ()))
    return ModelChoice(
        name=name,
        fallbacks=fallbacks,
        cheaper=lower_cheaper(how, (name, *fallbacks), document),
        parameters=parameters,
        **{name: value for name, value in given.items() if value is not None},
    )


def _script(own: dict[str, Any], document: Document) -> str | None:
    """Return the model script, under its name or under the former one."""
    if {"model_script", "playbook"} <= set(own):
        where = ("extensions", "runfold", "playbook")
        document.refuse(where, "playbook is the former name of model_script: remove one of them")
    named: str | None = own.get("model_script", own.get("playbook"))
    return named


def _model_name(llm: dict[str, Any], script: str | None, document: Document) -> str:
    provider, model = llm["provider"], llm.get("model")
    if provider == "default":
        if script is None:
            where = ("extensions", "runfold")
            document.refuse(where, "provider default needs a model_script for when no key is set")
        return f"default:{script or ''}"
    if model is None:
        document.refuse(("spec", "llm"), f'"model" is missing: which model of {provider}?')
    return f"{provider}:{model}"


def _retry(config: dict[str, Any]) -> RetryPolicy:
    return RetryPolicy(
        max_attempts=config.get("max_attempts", 3),
        initial_ms=config.get("initial_delay_ms", 1000),
        multiplier=1.0 if config.get("backoff_strategy") == "none" else 2.0,
        max_ms=config.get("max_delay_ms", 30_000),
    )


def _tools(spec: dict[str, Any], document: Document) -> tuple[str, ...]:
    names: list[str] = []
    blocked = spec.get("autonomy", {}).get("blocked_actions", ())
    for at, tool in enumerate(spec.get("tools", ())):
        path = ("spec", "tools", at, "name")
        name = tool["name"].partition("@")[0]
        if name in {each.partition("@")[0] for each in names}:
            document.refuse(path, f"{name} is listed twice: keep one of them")
        if name in blocked:
            document.refuse(path, f"{name} is also in blocked_actions: remove one of them")
        names.append(tool["name"])
    return tuple(names)


def _approval_from(spec: dict[str, Any], level: str) -> int:
    asked = (
        spec.get("autonomy", {}).get("approval_required") is True
        or spec.get("access", {}).get("requires_approval") is True
        or spec.get("safety", {}).get("human_in_loop", {}).get("enabled") is True
    )
    return 1 if asked else APPROVAL_FROM[level]


def _limits(spec: dict[str, Any], own: dict[str, Any], defaults: Limits) -> Limits:
    """Gather every field that limits a run; the smallest holds, a default only where none does."""
    rails = spec.get("safety", {}).get("guardrails", {})
    rails = {} if rails.get("enabled") is False else rails
    completion = spec.get("completion", {})
    seconds = [
        spec.get("constraints", {}).get("performance", {}).get("timeoutSeconds"),
        rails.get("max_execution_time_seconds"),
        completion.get("timeout_seconds"),
    ]
    said: dict[str, list[Any]] = {name: [value] for name, value in own.get("limits", {}).items()}
    said.setdefault("max_duration_ms", []).extend(
        max(1, int(Decimal(str(each)) * 1000)) for each in seconds if each is not None
    )
    said.setdefault("max_tool_calls", []).append(rails.get("max_tool_calls"))
    said.setdefault("max_model_calls", []).append(completion.get("max_iterations"))
    chosen: dict[str, Any] = {}
    for name, values in said.items():
        known = [Decimal(str(value)) for value in values if value is not None]
        if known:
            chosen[name] = min(known) if name == "max_cost" else int(min(known))
    return Limits(**{**defaults.model_dump(), **chosen})


def _half_honoured(spec: dict[str, Any], document: Document, approval_from: int) -> list[Remark]:
    """Report values that are valid while only their neighbours are honoured."""
    found: list[Remark] = []
    autonomy, llm = spec.get("autonomy", {}), spec["llm"]
    if isinstance(autonomy.get("approval_required"), list):
        sentence = "not honoured as a list: set approval: always in the contracts of those tools"
        where = ("spec", "autonomy", "approval_required")
        consent = bool(autonomy["approval_required"]) and approval_from > 1
        found.append(document.remark(where, sentence, consent=consent))
    for at, action in enumerate(autonomy.get("blocked_actions", ())):
        sentence = f"{action} is not a tool of this agent: what spec.tools leaves out is blocked"
        found.append(document.remark(("spec", "autonomy", "blocked_actions", at), sentence))
    if llm.get("retry_config", {}).get("backoff_strategy") == "linear":
        path = ("spec", "llm", "retry_config", "backoff_strategy")
        found.append(document.remark(path, "not honoured: linear is run as exponential"))
    if llm["provider"] == "default" and "model" in llm:
        sentence = "not honoured: provider default brings its own model"
        found.append(document.remark(("spec", "llm", "model"), sentence))
    return found
