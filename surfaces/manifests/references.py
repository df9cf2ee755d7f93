"""Whether everything that definitions name is there: in the same files, built in or published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from runfold.events.definitions import (
    KIND_OF,
    AgentDefinition,
    Definition,
    Definitions,
    ModelScript,
    ToolContract,
)
from runfold.events.definitions.agents.agent import UNUSABLE
from runfold.events.definitions.store.versions import version_order
from runfold.infra.documents import Document
from runfold.processors.run.agent.controls.control_tools import INTRINSICS
from runfold.processors.run.children.requesting import agent_of
from runfold.surfaces.manifests.agents.agent import TIER_LEVEL
from runfold.surfaces.manifests.agents.escalation import check_end
from runfold.surfaces.manifests.problems import Remark, did_you_mean, looks_mistyped
from runfold.surfaces.manifests.settings import missing_setting

D = TypeVar("D", bound=Definition)


def by_reference(definitions: Iterable[D]) -> dict[str, D]:
    """Return definitions by ``name``, the newest, and by ``name@version``."""
    found: dict[str, D] = {}
    for each in sorted(definitions, key=lambda made: version_order(made.version)):
        found[each.name] = found[f"{each.name}@{each.version}"] = each
    return found


@dataclass(frozen=True, slots=True)
class Published:
    """What is published, as one tenant sees it, or as all do where it is None."""

    definitions: Definitions
    tenant: str | None = None

    def tool(self, name: str) -> ToolContract | None:
        """Return the tool that a name or ``name@version`` stands for."""
        return self.definitions.tool(name, None, self.tenant)

    def model_script(self, name: str) -> ModelScript | None:
        """Return the model script that a name or ``name@version`` stands for."""
        return self.definitions.model_script(name, None, self.tenant)

    def has(self, definition: Definition) -> bool:
        """Return whether this version is published with this content."""
        kind = KIND_OF[type(definition)]
        found = self.definitions.version(kind, definition.name, definition.version, self.tenant)
        return found is not None and found.definition.digest() == definition.digest()

    def names(self, kind: str) -> frozenset[str]:
        """Return the names of a kind."""
        return self.definitions.names(kind, self.tenant)

    def every(self, kind: str) -> frozenset[str]:
        """Return the names that what is published here can meet: of every tenant, if for all."""
        if self.tenant is not None:
            return self.names(kind)
        return frozenset(each.definition.name for each in self.definitions if each.kind == kind)


@dataclass(frozen=True, slots=True)
class Known:
    """What may be referred to: tools and model scripts by name, and the names published before.

    ``faulty`` names what is declared here with faults of its own, which are told already.
    """

    tools: Mapping[str, ToolContract]
    scripts: Mapping[str, ModelScript]
    published: Published
    faulty: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()

    def tool(self, name: str) -> ToolContract | None:
        """Return a tool of the same files, else the newest published one."""
        return self.tools.get(name) or self.published.tool(name)

    def model_script(self, name: str) -> ModelScript | None:
        """Return a model script of the same files, else the newest published one."""
        return self.scripts.get(name) or self.published.model_script(name)

    def names(self, kind: str) -> set[str]:
        """Return every name of a kind."""
        here = {"tool": self.tools, "agent": self.agents}.get(kind, self.scripts)
        return {*here, *self.published.names(kind)}


def check_agent(agent: AgentDefinition, document: Document, known: Known) -> list[Remark]:
    """Note the model script that is missing, and tools above the agent's tier.

    Returns remarks on tools that are missing, with which the agent's runs are refused.
    """
    told = []
    tier = document.data["spec"].get("access", {}).get("tier")
    for at, name in enumerate(agent.tools):
        path = ("spec", "tools", at, "name")
        tool = known.tool(name)
        if tool is None and name.partition("@")[0] in known.faulty:
            continue
        if tool is None:
            told.append(_missing(agent, name, document.remark(path, ""), known))
        elif missing := missing_setting(tool):
            document.refuse(path, f"{missing}: declare the tool with kind: Tool")
        elif tier is not None and tool.risk_level > TIER_LEVEL[tier]:
            sentence = f"{name} has risk level {tool.risk_level}, and {tier} allows none above "
            document.refuse(path, f"{sentence}{TIER_LEVEL[tier]}")
    _check_asked(agent, document, known)
    check_end(agent, document, known.tool)
    for model in (agent.model.name, *agent.model.fallbacks, *agent.model.cheaper):
        provider, _, script = model.partition(":")
        if provider not in {"default", "scripted"} or script in {"", *known.faulty}:
            continue
        if known.model_script(script) is None:
            near = did_you_mean(script, known.names("playbook"))
            own = provider == "default" or model in agent.model.cheaper
            where = ("extensions", "runfold") if own else ("spec", "llm")
            document.refuse(where, f"there is no model script {script} here or published.{near}")
    cannot_run = bool(told) or agent.model.name.startswith(f"{UNUSABLE}:")
    if cannot_run and agent.name in known.published.names("agent"):
        sentence = f"it cannot run, and takes the place of the {agent.name} that is published"
        told.append(document.remark(("metadata", "name"), sentence, consent=True))
    return told


def _missing(agent: AgentDefinition, name: str, at: Remark, known: Known) -> Remark:
    """Return a remark on a tool that is missing; it needs consent where it looks mistyped."""
    near = did_you_mean(name, known.names("tool"))
    sentence = (
        f"there is no tool {name} in these files, built in or published: until there is, runs of "
        f"{agent.name} are refused.{near}"
    )
    return replace(at, message=sentence, consent=looks_mistyped(near, name))


def _check_asked(agent: AgentDefinition, document: Document, known: Known) -> None:
    """Note the agents that the steps of a flow ask and that are not there."""
    for at, step in enumerate(agent.flow.steps if agent.flow else ()):
        tool = known.tool(step.tool)
        asked = agent_of(tool) if tool is not None else None
        if asked is None or asked[0] in known.faulty or asked[0] in known.names("agent"):
            continue
        near = did_you_mean(asked[0], known.names("agent"))
        sentence = f"there is no agent {asked[0]} in these files or published.{near}"
        document.refuse(("spec", "steps", at), sentence)


def check_model_script(script: ModelScript, document: Document, known: Known) -> None:
    """Note calls of tools that do not exist."""
    for turn_at, turn in enumerate(script.turns):
        for at, call in enumerate(turn.calls):
            name = call["name"]
            if name not in {*INTRINSICS, *known.faulty} and known.tool(name) is None:
                near = did_you_mean(name, {*known.names("tool"), *INTRINSICS})
                path = ("spec", "turns", turn_at, "calls", at, "name")
                document.refuse(path, f"there is no tool {name}.{near}")
