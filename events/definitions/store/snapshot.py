"""Every published definition at one position of the topic ``registry``, immutable."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runfold.events.definitions.agents.agent import AgentDefinition
from runfold.events.definitions.agents.model_script import ModelScript
from runfold.events.definitions.base import Definition
from runfold.events.definitions.kinds import KIND_OF, KINDS
from runfold.events.definitions.policy import PoliciesInForce
from runfold.events.definitions.policy_sets import policies_in_force
from runfold.events.definitions.store.listed import Listed, released_for
from runfold.events.definitions.store.log import (
    Choice,
    DefinitionMemory,
    Name,
    Published,
    Ruling,
    State,
    Switch,
    thrown,
)
from runfold.events.definitions.store.records import (
    AuthorityDelegated,
    Decided,
    DefinitionAliased,
    DefinitionReleased,
    DefinitionRetired,
    LiveRuns,
    SwitchThrown,
)
from runfold.events.definitions.store.resolving import Found, resolve
from runfold.events.definitions.store.since import last
from runfold.events.definitions.tenancy.delegation import Delegation, delegation_of, last_of_each
from runfold.events.definitions.tenancy.tenant_policy import IN_FORCE, TenantPolicy
from runfold.events.definitions.tenancy.tenants import KeptOfTenants, TenantKept
from runfold.events.definitions.tool import ToolContract
from runfold.events.trusted import trusted
from runfold.events.values import Pin


class Definitions:
    """The definition store as a reader knows it that has read the topic up to ``position``.

    ``position`` is the next offset to read. A snapshot never changes; those of one reader share
    one memory, so that each costs nothing and ``at`` leads to any earlier one.
    """

    __slots__ = ("_memory", "position")

    def __init__(self, position: int = 0, memory: DefinitionMemory | None = None) -> None:
        """Begin empty, or look at a memory up to a position."""
        self.position = position
        self._memory = memory if memory is not None else DefinitionMemory()
        self._memory.tip = max(self._memory.tip, position)

    def plus(
        self,
        kind: str,
        body: str | bytes,
        position: int,
        tenant: str | None = None,
        *,
        by: str = "",
        at: datetime | None = None,
    ) -> Definitions:
        """Return the definitions and one more; ``body`` is its canonical JSON.

        ``position`` is beyond this snapshot's. Raises pydantic.ValidationError for a body that is
        no such definition, KeyError for an unknown kind.
        """
        added = KINDS[kind].model_validate_json(body)
        pin = trusted(Pin)(name=added.name, version=added.version, digest=added.digest())
        memory = self._writable(position)
        memory.publish(kind, Published(position, added, pin, tenant, by, at))
        return Definitions(position, memory)

    def after(self, decided: Decided, position: int) -> Definitions:
        """Return the definitions after a decision about them; ``position`` is beyond this one."""
        memory = self._writable(position)
        name = Name(decided.kind, decided.name, decided.tenant)
        if isinstance(decided, DefinitionReleased):
            memory.releases.setdefault(name, []).append(Choice(position, decided.version))
        elif isinstance(decided, DefinitionAliased):
            memory.aliases.setdefault(name, []).append(Choice(position, decided.target))
        elif isinstance(decided, SwitchThrown):
            thrown = Switch(
                position, decided.stopped, decided.reason, decided.decided_at, decided.decided_by
            )
            memory.switches.setdefault(name, []).append(thrown)
        elif isinstance(decided, AuthorityDelegated):
            memory.delegations.append(delegation_of(decided, position))
        else:
            retires = isinstance(decided, DefinitionRetired)
            live = LiveRuns.FINISH if isinstance(decided, DefinitionRetired) else decided.live_runs
            state = State.RETIRED if retires else State.WITHDRAWN
            if isinstance(decided, DefinitionRetired) and not decided.retired:
                state = State.ACTIVE
            key = (name, decided.version)
            ruling = Ruling(position, state, live, decided.reason)
            memory.rulings.setdefault(key, []).append(ruling)
        memory.mark(decided.kind, decided.tenant, position)
        return Definitions(position, memory)

    def kept(self, record: TenantKept, position: int) -> tuple[Definitions, str]:
        """Return the definitions after what is kept of a tenant, and why it cannot hold, if so."""
        memory = self._writable(position)
        return Definitions(position, memory), memory.tenants.keep(record, position)

    @property
    def tenants(self) -> KeptOfTenants:
        """The keys and legal holds of tenants at this position."""
        return KeptOfTenants(self._memory.tenants, self.position)

    def through(self, position: int) -> Definitions:
        """Return the same definitions, known to be complete up to a later position."""
        return Definitions(position, self._writable(position))

    def at(self, position: int) -> Definitions:
        """Return the definitions as they stood at this position or an earlier one.

        Raises ValueError for a later one: what will hold there is not known.
        """
        if position > self.position:
            raise ValueError(f"definitions are known up to {self.position}, not to {position}")
        return Definitions(position, self._memory)

    def _writable(self, position: int) -> DefinitionMemory:
        if position <= self.position:
            raise ValueError(f"position {position} does not follow {self.position}")
        # Another snapshot may show what lies between: it must not change under its reader.
        shared = self._memory.tip > self.position
        return self._memory.forked(self.position) if shared else self._memory

    def pin(self, definition: Definition) -> Pin:
        """Return what names one of these definitions; its digest is computed once."""
        kind = KIND_OF[type(definition)]
        held = self._memory.versions[kind, definition.name, definition.version]
        return next(each.pin for each in held.values() if each.definition == definition)

    def version(
        self, kind: str, name: str, version: str, tenant: str | None = None
    ) -> Published | None:
        """Return a version that a tenant sees, whatever its state: its own, else the shared one."""
        held = self._memory.versions.get((kind, name, version))
        if held is None:
            return None
        found = held.get(tenant)
        if found is None or found.since > self.position:
            found = held.get(None)
        return found if found is not None and found.since <= self.position else None

    def resolve(
        self, kind: str, name: str, version: str | None = None, tenant: str | None = None
    ) -> Found:
        """Return what a name, ``name@version`` or name and version stands for, or why nothing."""
        return resolve(self._memory, self.position, Name(kind, name, tenant), version)

    def alias(self, kind: str, name: str, tenant: str | None = None) -> str | None:
        """Return what an alias leads to, the tenant's own before the shared one."""
        for scope in (tenant, None):
            found = last(self._memory.aliases.get(Name(kind, name, scope)), self.position)
            if found is not None:
                return found.target
        return None

    def ruling(self, kind: str, published: Published) -> Ruling | None:
        """Return what was decided last about a version's state; None where nothing was."""
        if not self._memory.rulings:
            return None
        name = Name(kind, published.definition.name, published.tenant)
        return last(self._memory.rulings.get((name, published.definition.version)), self.position)

    def stops_live_runs(
        self, kind: str, name: str, version: str, tenant: str | None
    ) -> Ruling | None:
        """Return the withdrawal that forbids a version to live runs, if there is one."""
        if not self._memory.rulings:
            return None
        published = self.version(kind, name, version, tenant)
        ruling = self.ruling(kind, published) if published else None
        if ruling is None or ruling.state is not State.WITHDRAWN:
            return None
        return ruling if ruling.live_runs is LiveRuns.REFUSE else None

    def policies(self, tenant: str | None) -> PoliciesInForce | None:
        """Return the policies in force for a tenant, the shared ones and its own; None for none."""
        return (
            policies_in_force(self._memory, self.position, tenant) if self._memory.marks else None
        )

    def stopped(self, kind: str, name: str, tenant: str | None) -> Switch | None:
        """Return the switch that stops something for a tenant, None where it may go on."""
        for scope in (tenant, None) if self._memory.switches else ():
            found = last(self._memory.switches.get(Name(kind, name, scope)), self.position)
            if found is not None and found.stopped:
                return found
        return None

    def switches(self) -> Iterator[tuple[Name, Switch]]:
        """Yield every switch that stops something."""
        yield from thrown(self._memory, self.position)

    def delegations(self, tenant: str | None) -> tuple[Delegation, ...]:
        """Return who lets whom act for them, for a tenant and for all, past and to come."""
        found = self._memory.delegations
        return tuple(last_of_each(self._memory, self.position, tenant)) if found else ()

    def agent(
        self, name: str, version: str | None = None, tenant: str | None = None
    ) -> AgentDefinition | None:
        """Return an agent; a version is found in any state, a name without one stands for the
        released version, else the newest that is in force.
        """
        found = self._find("agent", name, version, tenant)
        return found if isinstance(found, AgentDefinition) else None

    def tool(
        self, name: str, version: str | None = None, tenant: str | None = None
    ) -> ToolContract | None:
        """Return a tool contract, found as an agent is."""
        found = self._find("tool", name, version, tenant)
        return found if isinstance(found, ToolContract) else None

    def model_script(
        self, name: str, version: str | None = None, tenant: str | None = None
    ) -> ModelScript | None:
        """Return the script of a scripted model, found as an agent is."""
        found = self._find("playbook", name, version, tenant)
        return found if isinstance(found, ModelScript) else None

    def tenant_policy(self, tenant: str) -> TenantPolicy | None:
        """Return the policy that is in force for a tenant: its own, else the shared one."""
        return self.resolve("tenant_policy", IN_FORCE, None, tenant).definition(TenantPolicy)

    def has(self, kind: str) -> bool:
        """Whether anything of a kind was ever published, for whomever and in whatever state."""
        published = self._memory.names.copy().items()
        return any(name.kind == kind and held[0].since <= self.position for name, held in published)

    def _find(
        self, kind: str, name: str, version: str | None, tenant: str | None
    ) -> Definition | None:
        if version is not None and "@" not in name:
            published = self.version(kind, name, version, tenant)
        else:
            published = self.resolve(kind, name, version, tenant).published
        return published.definition if published else None

    def names(self, kind: str, tenant: str | None = None) -> frozenset[str]:
        """Return the names of a kind that a tenant can use, aliases included."""
        published = self._memory.names.copy().items()
        aliased = self._memory.aliases.copy().items()
        begun = {name: held[0].since for name, held in published}
        begun |= {name: held[0].since for name, held in aliased if name not in begun}
        return frozenset(
            name.name
            for name, since in begun.items()
            if name.kind == kind and name.tenant in {None, tenant} and since <= self.position
        )

    def __iter__(self) -> Iterator[Listed]:
        """Yield every version by kind, name and tenant, in the order of publication."""
        released = released_for(self._memory, self.position, self.version)
        for kind, published in self._memory.published(self.position):
            made = published.definition
            ruling = self.ruling(kind, published)
            yield Listed(
                kind=kind,
                definition=made,
                tenant=published.tenant,
                digest=published.pin.digest,
                state=ruling.state if ruling else State.ACTIVE,
                reason=ruling.reason if ruling else "",
                released_for=tuple(
                    released.get((Name(kind, made.name, published.tenant), made.version), ())
                ),
                published_by=published.by,
                published_at=published.at,
                position=published.since,
            )

    def __eq__(self, other: object) -> bool:
        """Whether both are at one position and hold the same versions in the same states."""
        if not isinstance(other, Definitions):
            return NotImplemented
        mine, theirs = (
            [(e.kind, e.definition, e.tenant, e.state, e.released_for) for e in each]
            for each in (self, other)
        )
        return self.position == other.position and mine == theirs

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return the position and what is there, by key."""
        return f"Definitions(position={self.position}, {len(list(self))} versions)"
