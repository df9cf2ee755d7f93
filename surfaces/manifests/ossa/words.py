"""Other words for the same thing, and what a manifest leaves unsaid: both are told."""

from __future__ import annotations

import re
from typing import Any

from runfold.events.definitions.agents.agent import UNUSABLE
from runfold.infra.documents import Document, FieldPath
from runfold.surfaces.manifests.problems import Remark

NO_MODEL = "no-model"
NO_ROLE = "no-role"

_NO_VERSION = "0.0.0"
_VERSION = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){1,3}(?![0-9])")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_ROLES = ("instructions", "system_message", "system_prompt", "system", "description")
_LLM_WORDS = {"max_tokens": "maxTokens", "name": "model"}
_LABEL = 63
_LONGEST = 40


def name_it(document: Document) -> list[Remark]:
    """Give the agent a name and a version that can be published, and texts as labels."""
    metadata = document.data["metadata"]
    told = []
    name = str(metadata["name"])
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:253].strip("-") or "agent"
    if not _NAME.fullmatch(name) or len(name) > 253:
        metadata["name"] = slug
        told.append(document.remark(("metadata", "name"), f"it is called {slug} here"))
    said = metadata.get("version")
    found = _VERSION.match(_as_text(said))
    version = found[0] if found is not None and len(found[0]) <= _LONGEST else _NO_VERSION
    if version != said:
        metadata["version"] = version
        sentence = f"its version is {version} here: a changed manifest needs another one"
        told.append(document.remark(("metadata", "version"), sentence))
    labels = metadata.get("labels")
    if isinstance(labels, dict):
        for key, value in labels.items():
            if isinstance(value, bool | int | float):
                labels[key] = str(value).lower()
            elif isinstance(value, str) and len(value) > _LABEL:
                labels[key] = value[:_LABEL]
                sentence = f"cut to {_LABEL} characters"
                told.append(document.remark(("metadata", "labels", key), sentence))
    return told


def _as_text(version: Any) -> str:
    if isinstance(version, bool) or not isinstance(version, str | int | float):
        return ""
    text = str(version).removeprefix("v")
    return f"{text}.0" if text.isdecimal() else text


def say_in_our_words(document: Document) -> list[Remark]:
    """Move what stands under another name to where it is honoured, if nothing stands there."""
    spec, told = document.data["spec"], []
    if "llm" not in spec:
        for key in ("model", "llm_config"):
            if isinstance(spec.get(key), dict):
                told += _moved(document, ("spec", key), ("spec", "llm"))
                break
    llm = spec.get("llm")
    if isinstance(llm, dict):
        for key, ours in _LLM_WORDS.items():
            if key in llm and ours not in llm:
                told += _moved(document, ("spec", "llm", key), ("spec", "llm", ours))
    if "role" not in spec and "prompts" not in spec:
        for key in _ROLES:
            if isinstance(spec.get(key), str) and spec[key].strip():
                told += _moved(document, ("spec", key), ("spec", "role"))
                break
    return told


def say_the_rest(document: Document) -> list[Remark]:
    """Complete a checked agent: where there is no role or model, it says so when it is run."""
    spec, told = document.data["spec"], []
    unusable = ""
    if not _has_role(spec):
        described = document.data["metadata"].get("description")
        if isinstance(described, str) and described.strip():
            spec.pop("prompts", None)
            spec["role"] = described
            sentence = "no role: metadata.description stands in for it"
        else:
            unusable, spec["role"] = NO_ROLE, "What this agent is was left unsaid."
            sentence = "no role and no description: every run of it fails and says so"
        told.append(document.remark(("spec",), sentence))
    if not _has_model(spec.get("llm")):
        unusable = unusable or NO_MODEL
        sentence = "no model (llm.provider and llm.model): every run of it fails and says so"
        told.append(document.remark(("spec", "llm"), sentence))
    if unusable:
        spec["llm"] = {"provider": UNUSABLE, "model": unusable}
    return told


def _moved(document: Document, path: FieldPath, to: FieldPath) -> list[Remark]:
    holder: dict[Any, Any] = document.data
    for part in path[:-1]:
        holder = holder[part]
    holder[to[-1]] = holder.pop(path[-1])
    for each, line in list(document.lines.items()):
        if each[: len(path)] == path:
            document.lines[*to, *each[len(path) :]] = line
    return [document.remark(path, f"read as {'.'.join(map(str, to))}")]


def _has_role(spec: dict[str, Any]) -> bool:
    system = spec.get("prompts", {}).get("system", "")
    said = system.get("template", "") if isinstance(system, dict) else system
    return bool(spec.get("role", "").strip() or said.strip())


def _has_model(llm: Any) -> bool:
    return (
        isinstance(llm, dict)
        and "provider" in llm
        and ("model" in llm or llm["provider"] == "default")
    )
