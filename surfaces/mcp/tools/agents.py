"""Agents as tools: which of them a caller sees, and what each takes and answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mcp.types import Tool, ToolAnnotations

from runfold.events.definitions import Definitions
from runfold.events.definitions.agents.agent import AgentDefinition
from runfold.events.definitions.tool import ToolContract
from runfold.events.json_schema import SchemaRefusedError, UncheckableError, compiled
from runfold.events.probe import reserved
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.mcp.bounded import short
from runfold.surfaces.mcp.tools.names import tool_name
from runfold.surfaces.mcp.tools.results import ran_schema

_MOST_DESCRIPTION = 2_000

INPUT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "goal": {
            "description": "What the agent is to achieve: a text, or any other JSON value.",
        },
        "wait_s": {
            "type": "number",
            "minimum": 0,
            "maximum": 600,
            "description": "Seconds to wait for the end; without it 45. The run goes on after it.",
        },
        "idempotency_key": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "description": "A text that is new to each request: the same again is the same run.",
        },
    },
    "required": ["goal"],
    "additionalProperties": False,
}
"""What an agent takes that does not declare its own input."""


@dataclass(frozen=True, slots=True)
class AgentTool:
    """An agent as a tool; ``needs`` are the scopes that its tools need of a run."""

    name: str
    agent: AgentDefinition
    needs: frozenset[str]

    @property
    def takes(self) -> dict[str, Any]:
        """The schema of its arguments: what the agent declares, else a goal and how to wait."""
        return self.agent.input_schema or INPUT

    def shown(self) -> Tool:
        """Return it as it is listed."""
        agent = self.agent
        about = agent.description or f"Asks the agent {agent.name} to achieve a goal."
        return Tool(
            name=self.name,
            title=agent.name,
            description=short(about, _MOST_DESCRIPTION),
            input_schema=self.takes,
            output_schema=ran_schema(agent.output_schema),
            annotations=ToolAnnotations(
                read_only_hint=False,
                destructive_hint=True,
                idempotent_hint=False,
                open_world_hint=True,
            ),
            _meta={
                "runfold/agent": agent.name,
                "runfold/version": agent.version,
                "runfold/scopes": sorted(self.needs),
            },
        )

    def checked(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return arguments that fit; raises InvalidError that names what does not."""
        try:
            faults = compiled(self.takes).faults(arguments)
        except (SchemaRefusedError, UncheckableError) as error:
            raise InvalidError(f"The arguments cannot be checked: {error}.") from error
        if faults:
            said = "; ".join(f"{each.place}: {each.text}" for each in faults[:5])
            raise InvalidError(f"The arguments do not fit the tool's inputSchema: {said[:1000]}.")
        return arguments

    def goal_of(self, arguments: dict[str, Any]) -> Any:
        """Return what the run is asked for: all that an agent declares, else the goal."""
        return arguments if self.agent.input_schema else arguments["goal"]


def agents_of(
    definitions: Definitions, tenant: str, taken: frozenset[str], scopes: frozenset[str] | None
) -> Iterator[AgentTool]:
    """Yield the agents that a tenant can ask, by name, stopped and withdrawn ones left out.

    With ``scopes`` only those whose tools need no others.
    """
    for name in sorted(definitions.names("agent", tenant)):
        found = definitions.resolve("agent", name, None, tenant).definition(AgentDefinition)
        # An alias leads to an agent that is listed under its own name.
        if found is None or found.name != name or reserved(None, name):
            continue
        if definitions.stopped("agent", name, tenant) is not None:
            continue
        needs = _needs(definitions, found, tenant)
        if scopes is None or needs <= scopes:
            yield AgentTool(tool_name(name, taken), found, needs)


def _needs(definitions: Definitions, agent: AgentDefinition, tenant: str) -> frozenset[str]:
    contracts = (
        definitions.resolve("tool", each, None, tenant).definition(ToolContract)
        for each in agent.tools
    )
    return frozenset(scope for each in contracts if each is not None for scope in each.scopes)
