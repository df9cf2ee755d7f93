"""Which tool a call is of, for all that counts calls of a tool: never its name alone.

Two tenants may have tools of one name, and a definition of a tenant's own is that tenant's alone.

| what counts | for whom |
|---|---|
| the bulkhead (places, `max_concurrency`) | one definition: its owner, its digest |
| the rate limit (`max_per_minute`) | one owner's tool, all versions: they call the same service |
| slots and turns (`max_concurrency_total`, `max_per_minute_total`) | the same, of all processes |
| the circuit breaker | one definition and, where it acts with secrets, the tenant whose they are |
| the breaker of a server | as that of a tool, for all the owner's tools that declare it |
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from runfold.events.calls import ToolWork
from runfold.events.definitions import Published, ToolContract

Source = Callable[[str, str, str], Published | None]
"""Finds what was published as a tool, by name, version and tenant."""


def unpublished(_name: str, _version: str, _tenant: str) -> None:
    """Return that a tool's contract comes from elsewhere than the definition store."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A tool as a call means it; ``owner`` is the tenant of its definition, None for all.

    ``secrets_of`` is the tenant whose secrets it acts with, empty where it has none.
    """

    owner: str | None
    name: str
    digest: bytes
    secrets_of: str = ""

    @property
    def bulkhead(self) -> Hashable:
        """What shares places in flight and in the queue."""
        return (self.owner, self.name, self.digest)

    @property
    def rate(self) -> Hashable:
        """What shares turns."""
        return (self.owner, self.name)

    @property
    def health(self) -> Hashable:
        """What is well or not."""
        return (self.owner, self.name, self.digest, self.secrets_of)

    def server(self, name: str) -> Hashable:
        """Return what a declared server is: two tenants may give two servers one name."""
        return (self.owner, name, self.secrets_of)


def identity(work: ToolWork, contract: ToolContract, source: Source = unpublished) -> Identity:
    """Return which tool a call with this contract is of."""
    found = source(work.tool, work.tool_version, work.tenant_id)
    secrets_of = work.tenant_id if contract.auth else ""
    if found is None:
        return Identity(None, contract.name, contract.digest(), secrets_of)
    return Identity(found.tenant, contract.name, found.pin.digest, secrets_of)
