"""Agent cards: what strangers may know of an agent, and what its own tenant is told."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from a2a.types.a2a_pb2 import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    HTTPAuthSecurityScheme,
    OpenIdConnectSecurityScheme,
    SecurityRequirement,
    SecurityScheme,
    StringList,
)

from runfold.events.definitions.agents.agent import AgentDefinition
from runfold.surfaces.a2a.messages.parts import MODES

PREFIX = "/a2a/agents"
KEYS = "/a2a/jwks.json"

_API_KEY = "api_key"
_OPENID = "openid"
_VERSIONS = ("1.0", "0.3")
_LONGEST = 2_000


class Cards:
    """Makes and signs cards; ``url`` is the gateway's own, as clients reach it.

    ``openid`` is the address of a provider's configuration whose tokens are taken, empty for none.
    """

    def __init__(
        self,
        url: str,
        sign: Callable[[AgentCard], AgentCard],
        *,
        openid: str = "",
        pushes: bool = False,
    ) -> None:
        self._url = url.rstrip("/")
        self._sign = sign
        self._openid = openid
        self._pushes = pushes

    def public(self, name: str, agent: AgentDefinition) -> AgentCard:
        """Return what anybody may know who may know that there is this agent."""
        card = self._card(name, agent, f"The agent {name}.")
        skill = AgentSkill(
            id=agent.name, name=agent.name, description=f"What {name} does.", tags=["agent"]
        )
        card.skills.append(skill)
        return self._sign(card)

    def extended(self, name: str, agent: AgentDefinition) -> AgentCard:
        """Return what whoever may ask for runs of it is told."""
        described = (agent.description or f"The agent {name}.")[:_LONGEST]
        card = self._card(name, agent, described)
        labels = [f"{key}:{value}"[:200] for key, value in sorted(agent.labels.items())]
        card.skills.append(
            AgentSkill(
                id=agent.name,
                name=agent.name,
                description=described,
                tags=["agent", *labels],
                input_modes=MODES,
                output_modes=MODES,
            )
        )
        for tool in agent.tools:
            reads = tool.partition("@")[0]
            card.skills.append(
                AgentSkill(
                    id=f"tool:{reads}", name=reads, description=f"Uses {reads}.", tags=["tool"]
                )
            )
        return self._sign(card)

    def address(self, name: str) -> str:
        """Return where an agent is reached."""
        return f"{self._url}{PREFIX}/{quote(name, safe='')}"

    def _card(self, name: str, agent: AgentDefinition, described: str) -> AgentCard:
        address = self.address(name)
        return AgentCard(
            name=name,
            description=described,
            version=agent.version,
            supported_interfaces=[
                AgentInterface(url=address, protocol_binding=binding, protocol_version=version)
                for version in _VERSIONS
                for binding in ("JSONRPC", "HTTP+JSON")
            ],
            capabilities=AgentCapabilities(
                streaming=True, push_notifications=self._pushes, extended_agent_card=True
            ),
            default_input_modes=MODES,
            default_output_modes=MODES,
            security_schemes=self._schemes(),
            security_requirements=[
                SecurityRequirement(schemes={scheme: StringList()}) for scheme in self._schemes()
            ],
        )

    def _schemes(self) -> dict[str, SecurityScheme]:
        bearer = HTTPAuthSecurityScheme(scheme="bearer", bearer_format="Runfold API key")
        found = {_API_KEY: SecurityScheme(http_auth_security_scheme=bearer)}
        if self._openid:
            openid = OpenIdConnectSecurityScheme(open_id_connect_url=self._openid)
            found[_OPENID] = SecurityScheme(open_id_connect_security_scheme=openid)
        return found
