"""The tools that an OSSA agent lists, under names that tools can have here."""

from __future__ import annotations

import re
from typing import Any

from runfold.infra.documents import Document, FieldPath
from runfold.processors.run.agent.controls.control_tools import INTRINSICS
from runfold.surfaces.manifests.ossa.places import keep_items
from runfold.surfaces.manifests.problems import Remark

_PATH: FieldPath = ("spec", "tools")
_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*(@[0-9]+(\.[0-9]+){1,3})?")
_SAID_AS = ("name", "id", "server", "namespace", "$ref", "type")
_MOST = 100


def name_tools(document: Document, types: frozenset[str]) -> list[Remark]:
    """Give each listed tool a name and a type that the agent's schema knows; say what changed.

    What every agent has, what is blocked and what is listed twice is left out. ``types`` are the
    types that the schema knows.
    """
    spec = document.data["spec"]
    tools = spec.get("tools")
    if isinstance(tools, dict):
        spec["tools"] = tools = _listed(tools)
    if not isinstance(tools, list):
        return []
    told: list[Remark] = []
    kept: list[int] = []
    seen: set[str] = set()
    blocked = _blocked(spec)
    for at, each in enumerate(tools):
        tool = dict(each) if isinstance(each, dict) else {"name": each}
        said = _said(tool)
        name = said if _NAME.fullmatch(said) and len(said) <= _MOST else _slug(said)
        if why := _left_out(said, name, seen, blocked):
            told.append(document.remark((*_PATH, at), f"left out: {why}"))
            continue
        if name != said:
            sentence = f"{said[:60]!r} is called {name} here: publish a tool of that name"
            told.append(document.remark((*_PATH, at), sentence))
        seen.add(name.partition("@")[0])
        kept.append(at)
        known = tool.get("type") if isinstance(tool.get("type"), str) else None
        tools[at] = {**tool, "name": name, "type": known if known in types else "custom"}
    keep_items(document, _PATH, kept)
    return told


def _listed(tools: dict[str, Any]) -> list[Any]:
    return [
        {**(each if isinstance(each, dict) else {}), "name": key} for key, each in tools.items()
    ]


def _blocked(spec: dict[str, Any]) -> set[str]:
    autonomy = spec.get("autonomy")
    found = autonomy.get("blocked_actions") if isinstance(autonomy, dict) else None
    return {each for each in found if isinstance(each, str)} if isinstance(found, list) else set()


def _said(tool: dict[str, Any]) -> str:
    found = (tool.get(key) for key in _SAID_AS)
    return next((each for each in found if isinstance(each, str) and each.strip()), "tool")


def _slug(said: str) -> str:
    words = re.sub(r"[^a-z0-9_.-]+", "-", said.lower())
    parts = [part.strip("-_") for part in words.split(".")]
    slug = ".".join(part for part in parts if part)[:_MOST].strip("-_.")
    return slug if _NAME.fullmatch(slug) else f"tool-{slug}".strip("-")[:_MOST]


def _left_out(said: str, name: str, seen: set[str], blocked: set[str]) -> str:
    bare = name.partition("@")[0]
    if bare in INTRINSICS:
        return f"{bare} is what every agent has"
    if said in blocked or bare in blocked:
        return f"{said[:60]} is in autonomy.blocked_actions"
    if bare in seen:
        return f"{bare} is listed already"
    return ""
