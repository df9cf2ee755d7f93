"""What a run is made of: agents and tools as they are declared, pinned and published.

These are the bodies of ``DefinitionPublished``: plain data, canonical JSON, identified by the
sha256 of that JSON. The manifests that people write are lowered to them in ``surfaces``.
``Definitions`` is the snapshot of all of them at one position of the topic.
"""

from runfold.events.definitions.agents.agent import AgentDefinition, ModelChoice
from runfold.events.definitions.agents.model_script import ModelScript, ScriptTurn
from runfold.events.definitions.agents.response_profile import PROFILE, ResponseProfile
from runfold.events.definitions.base import Definition, RetryPolicy
from runfold.events.definitions.delivery.subscriber import SUBSCRIBER, Subscriber
from runfold.events.definitions.delivery.subscription import SUBSCRIPTION, Subscription
from runfold.events.definitions.kinds import KIND_OF, KINDS, key_of
from runfold.events.definitions.policy import (
    POLICY,
    PoliciesInForce,
    PolicyDefinition,
    PolicyServer,
    PolicyTest,
)
from runfold.events.definitions.store.listed import Listed
from runfold.events.definitions.store.log import Published, State
from runfold.events.definitions.store.records import (
    AuthorityDelegated,
    Decided,
    DefinitionAliased,
    DefinitionPublished,
    DefinitionReleased,
    DefinitionRetired,
    DefinitionWithdrawn,
    LiveRuns,
    StorePermit,
    StoreRecord,
    SwitchThrown,
)
from runfold.events.definitions.store.snapshot import Definitions
from runfold.events.definitions.tenancy.tenant_policy import TenantPolicy
from runfold.events.definitions.tenancy.tenants import (
    TenantErased,
    TenantHeld,
    TenantKept,
    TenantKeyMade,
)
from runfold.events.definitions.tool import Approval, CallPolicy, ResourceOf, ToolContract

__all__ = [
    "KINDS",
    "KIND_OF",
    "POLICY",
    "PROFILE",
    "SUBSCRIBER",
    "SUBSCRIPTION",
    "AgentDefinition",
    "Approval",
    "AuthorityDelegated",
    "CallPolicy",
    "Decided",
    "Definition",
    "DefinitionAliased",
    "DefinitionPublished",
    "DefinitionReleased",
    "DefinitionRetired",
    "DefinitionWithdrawn",
    "Definitions",
    "Listed",
    "LiveRuns",
    "ModelChoice",
    "ModelScript",
    "PoliciesInForce",
    "PolicyDefinition",
    "PolicyServer",
    "PolicyTest",
    "Published",
    "ResourceOf",
    "ResponseProfile",
    "RetryPolicy",
    "ScriptTurn",
    "State",
    "StorePermit",
    "StoreRecord",
    "Subscriber",
    "Subscription",
    "SwitchThrown",
    "TenantErased",
    "TenantHeld",
    "TenantKept",
    "TenantKeyMade",
    "TenantPolicy",
    "ToolContract",
    "key_of",
]
