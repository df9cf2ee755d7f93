"""Docker cagent: agents with an instruction, models by name, and sets of tools."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from runfold.infra.documents import Document
from runfold.surfaces.manifests.ossa.safety import not_honoured
from runfold.surfaces.manifests.others.made import Made, model_named, slug, tools_named
from runfold.surfaces.manifests.problems import Remark

_CARRIED = {"name", "model", "description", "instruction", "toolsets", "max_iterations"}
_TOGETHER = "delegation to other agents is not offered yet"
_WHY = {"sub_agents": _TOGETHER, "handoffs": _TOGETHER, "skills": "skills are not offered yet"}
_OF_MODELS = {"provider", "model", "max_tokens", "temperature"}


def is_cagent(data: dict[str, Any]) -> bool:
    """Return whether it is a configuration of cagent."""
    agents = data.get("agents")
    return isinstance(agents, dict) and all(isinstance(each, dict) for each in agents.values())


def read_cagent(document: Document) -> tuple[list[Made], list[Remark]]:
    """Return the agents of a configuration, and remarks on what stands beside them."""
    data = document.data
    told: list[Remark] = []
    for key, value in data.items():
        if key not in {"agents", "models", "version"}:
            told += not_honoured(document, (key,), value, "it means nothing here")
    return [_agent(document, key, said) for key, said in data["agents"].items()], told


def _agent(document: Document, key: str, said: dict[str, Any]) -> Made:
    # Most configurations call their first agent root: the file's name says more.
    name = key if key != "root" else slug(PurePath(document.file).stem)
    made = Made(document, ("agents", key), said, name)
    made.description = made.text("description")
    if instruction := made.text("instruction"):
        made.spec["role"] = instruction
    if named := made.text("model"):
        made.spec["llm"] = _model(made, named)
    if names := [*_tools(made)]:
        made.spec["tools"] = tools_named(names, "mcp")
    made.number("max_iterations", ("completion", "max_iterations"))
    made.tell_the_rest(_CARRIED, _WHY)
    return made


def _model(made: Made, named: str) -> dict[str, Any]:
    models = made.of.data.get("models")
    said = models.get(named) if isinstance(models, dict) else None
    if not isinstance(said, dict):
        return model_named(named)
    own = Made(made.of, ("models", named), said, named)
    llm = model_named(f"{own.text('provider') or 'openai'}/{own.text('model')}")
    own.number("max_tokens", ("maxTokens",))
    if isinstance(said.get("temperature"), int | float):
        llm["temperature"] = said["temperature"]
    own.tell_the_rest(_OF_MODELS, {})
    made.told += own.told
    return {**llm, **own.spec}


def _tools(made: Made) -> Iterator[str]:
    """Yield a name for each set of tools, or for each tool that a set is narrowed to."""
    sets = made.said.get("toolsets")
    for at, each in enumerate(sets if isinstance(sets, list) else ()):
        said = each if isinstance(each, dict) else {"type": each}
        names = said.get("tools")
        found = next((said[key] for key in ("name", "ref", "command", "type") if said.get(key)), "")
        yield from map(str, names) if isinstance(names, list) and names else (str(found),)
        of_set = Made(made.of, (*made.at, "toolsets", at), said, "")
        of_set.tell_the_rest({"type", "name", "tools"}, {})
        made.told += of_set.told
    if sets is not None and not isinstance(sets, list):
        made.lost("toolsets", "it should be a list")
