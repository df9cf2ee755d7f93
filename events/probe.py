"""The names that belong to the run that ``runfold up`` makes to see that runs complete.

Nobody else may ask for a run of the tenant, or publish or govern anything of these names: what
makes requests and decisions refuses it. The log itself can be written by others, so no reader
trusts the names alone: what an operator is not shown must have cost nothing as well.
"""

from __future__ import annotations

PROBE_TENANT = "runfold-probe"
"""Whose runs they are."""

PROBE_AGENT = "runfold-probe"
"""The agent, and the script that it follows."""

PROBE_TOOL = "runfold.probe"
"""Its tool, which is called by way of the pool."""

PROBE_PROVIDER = "scripted"
"""Whose answers cost nothing, though nobody has a price for them."""

RESERVED_NAMES = frozenset({PROBE_AGENT, PROBE_TOOL})


def reserved(tenant: str | None, *names: str) -> str:
    """Return why a tenant or a name of a definition is not for use, or an empty text."""
    taken = PROBE_TENANT if tenant == PROBE_TENANT else ""
    taken = taken or next((name for name in names if name in RESERVED_NAMES), "")
    return taken and f"{taken} is reserved for Runfold's own probe: choose another name"
