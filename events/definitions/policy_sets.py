"""Which policies hold for a tenant at a position: gathered once, and again after a change."""

from __future__ import annotations

from bisect import bisect_right

from runfold.events.definitions.policy import POLICY, PoliciesInForce, PolicyKey
from runfold.events.definitions.store.log import DefinitionMemory, Name
from runfold.events.definitions.store.resolving import standing

_MOST_SETS = 4096
"""How many sets a memory keeps; tenants without policies of their own share one."""


def policies_in_force(
    memory: DefinitionMemory, position: int, tenant: str | None
) -> PoliciesInForce | None:
    """Return the shared policies and the tenant's own, each by its own decisions; None for none."""
    marks = memory.marks
    own = bisect_right(marks.get((POLICY, tenant), ()), position) if tenant is not None else 0
    shared = bisect_right(marks.get((POLICY, None), ()), position)
    if not own and not shared:
        return None
    key = PolicyKey(tenant if own else None, own, shared)
    if key not in memory.sets:
        if len(memory.sets) >= _MOST_SETS:
            memory.sets.clear()
        memory.sets[key] = _gathered(memory, position, key.tenant)
    found = memory.sets.get(key) or _gathered(memory, position, key.tenant)
    return found if isinstance(found, PoliciesInForce) and found.policies else None


def _gathered(memory: DefinitionMemory, position: int, tenant: str | None) -> PoliciesInForce:
    scopes = {None, tenant}
    names = [n for n in memory.names.copy() if n.kind == POLICY and n.tenant in scopes]
    found = (standing(memory, position, name) for name in sorted(names, key=_order))
    return PoliciesInForce(tuple(each for each in found if each is not None))


def _order(name: Name) -> tuple[str, str]:
    return name.tenant or "", name.name
