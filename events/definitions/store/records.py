"""The records of the definition store: what was published, and what was decided about it.

A definition belongs to one ``tenant``, or to all where that is None. What is published never
changes; the other records are a sequence in which the last one holds, each with who and why. A
record has a ``permit`` where policies in force speak of what it does.
"""

from __future__ import annotations

from runfold.events.base import Record, Symbol, Timestamp
from runfold.events.contents.content import Content
from runfold.events.definitions.tenancy.tenants import TENANT_RECORDS, TenantKept


class StorePermit(Record):
    """By which rules a person might do what the record says, as the client found it.

    ``roles`` are the person's as the client says them, ``policy_digest`` is that of the policies in
    force at ``position``.
    """

    roles: tuple[str, ...]
    policy_ids: tuple[str, ...]
    policy_digest: bytes
    position: int


class DefinitionPublished(Record):
    """An agent, tool or model script, immutable under its version; ``body`` is canonical JSON."""

    kind: str
    name: str
    version: str
    digest: bytes
    body: Content
    published_at: Timestamp
    published_by: str
    tenant: str | None = None
    permit: StorePermit | None = None


class DefinitionReleased(Record):
    """The version that a name stands for, for one tenant or for all; None is the newest again."""

    kind: str
    name: str
    version: str | None
    tenant: str | None
    reason: str
    decided_at: Timestamp
    decided_by: str
    permit: StorePermit | None = None


class DefinitionRetired(Record):
    """A version that its name stands for no more; who asks for the version itself still gets it.

    ``retired`` False takes that back.
    """

    kind: str
    name: str
    version: str
    tenant: str | None
    retired: bool
    reason: str
    decided_at: Timestamp
    decided_by: str
    permit: StorePermit | None = None


class LiveRuns(Symbol):
    """What becomes of the live runs that use a withdrawn version."""

    UNKNOWN = "unknown"
    FINISH = "finish"
    REFUSE = "refuse"


class DefinitionWithdrawn(Record):
    """A version that no run may begin with, for good; ``live_runs`` says what live ones may do."""

    kind: str
    name: str
    version: str
    tenant: str | None
    live_runs: LiveRuns
    reason: str
    decided_at: Timestamp
    decided_by: str
    permit: StorePermit | None = None


class DefinitionAliased(Record):
    """Another name for ``target``, a ``name`` or ``name@version``; None removes it."""

    kind: str
    name: str
    target: str | None
    tenant: str | None
    reason: str
    decided_at: Timestamp
    decided_by: str
    permit: StorePermit | None = None


class SwitchThrown(Record):
    """A kill switch: nothing of this ``kind`` and ``name`` may begin a run or a call any more.

    ``kind`` is ``tenant``, ``agent``, ``tool`` or ``model``; a switch of a ``tenant`` holds for its
    runs only, one without for those of all. ``stopped`` False takes it back.
    """

    kind: str
    name: str
    tenant: str | None
    stopped: bool
    reason: str
    decided_at: Timestamp
    decided_by: str
    permit: StorePermit | None = None


class AuthorityDelegated(Record):
    """A person lets another act for them while they are absent.

    ``kind`` is ``delegation`` and ``name`` the person who is absent. It is for the ``roles`` and
    ``tools`` that it names, for all where it names none; of a ``tenant`` it holds for its runs
    only. ``revoked`` takes back what stands between the two.
    """

    kind: str
    name: str
    delegate: str
    tenant: str | None
    starts_at: Timestamp
    ends_at: Timestamp
    reason: str
    decided_at: Timestamp
    decided_by: str
    roles: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    revoked: bool = False
    permit: StorePermit | None = None


Decided = (
    DefinitionReleased
    | DefinitionRetired
    | DefinitionWithdrawn
    | DefinitionAliased
    | SwitchThrown
    | AuthorityDelegated
)
"""What was decided about definitions that are published, and about what may run."""

StoreRecord = DefinitionPublished | Decided | TenantKept
"""Any record of the definition store."""

RECORDS: tuple[type[Record], ...] = (
    DefinitionPublished,
    DefinitionReleased,
    DefinitionRetired,
    DefinitionWithdrawn,
    DefinitionAliased,
    SwitchThrown,
    AuthorityDelegated,
    *TENANT_RECORDS,
)
