"""The kinds of definitions, by the name they carry on the wire."""

from __future__ import annotations

from runfold.events.definitions.agents.agent import AgentDefinition
from runfold.events.definitions.agents.model_script import ModelScript
from runfold.events.definitions.agents.response_profile import PROFILE, ResponseProfile
from runfold.events.definitions.base import Definition
from runfold.events.definitions.delivery.subscriber import SUBSCRIBER, Subscriber
from runfold.events.definitions.delivery.subscription import SUBSCRIPTION, Subscription
from runfold.events.definitions.policy import POLICY, PolicyDefinition
from runfold.events.definitions.tenancy.tenant_policy import TenantPolicy
from runfold.events.definitions.tool import ToolContract

KINDS: dict[str, type[Definition]] = {
    "agent": AgentDefinition,
    "tool": ToolContract,
    "playbook": ModelScript,
    POLICY: PolicyDefinition,
    "tenant_policy": TenantPolicy,
    PROFILE: ResponseProfile,
    SUBSCRIPTION: Subscription,
    SUBSCRIBER: Subscriber,
}
"""The kinds of definitions by the name they carry on the wire, which never changes."""

KIND_OF: dict[type[Definition], str] = {of: kind for kind, of in KINDS.items()}
"""The name on the wire of each kind of definition."""


def key_of(kind: str, name: str, version: str, tenant: str | None = None) -> str:
    """Return the key of a definition on the topic ``registry``."""
    return f"{kind}/{name}@{version}" + (f"#{tenant}" if tenant is not None else "")
