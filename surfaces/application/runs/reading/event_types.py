"""Which events somebody wants: by their types, or by groups of them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from runfold.events.base import Fact
from runfold.events.catalogue import FACTS, TERMINAL_FACTS
from runfold.surfaces.application.errors import InvalidError

TYPES: frozenset[str] = frozenset(fact.__name__ for fact in FACTS)
"""Every type of event that a run may have."""

TERMINAL: frozenset[str] = frozenset(fact.__name__ for fact in TERMINAL_FACTS)
"""The types of a run's last event."""

_ROOMS = {
    "approvals": ("calls.permitting", "calls.dry_runs"),
    "children": ("calls.children",),
    "budgets": ("limits", "extension"),
    "checkpoints": ("checkpoints", "memory"),
    "contexts": ("calls.context",),
    "judges": ("calls.judging",),
    "lifecycle": ("lifecycle", "admission"),
    "models": ("calls.model",),
    "people": ("people.control", "people.taking_over", "people.escalation"),
    "policies": ("calls.policies",),
    "steps": ("steps",),
    "tools": ("calls.tools", "calls.begin", "calls.late"),
    "turns": ("turns",),
}
"""The groups, by the modules of ``events.run`` that hold their facts: a new fact is in one."""

_MORE: dict[str, tuple[str, ...]] = {
    "approvals": ("WaitEscalated", "ToolCallUncertain"),
    "lifecycle": ("RunPaused", "RunResumed"),
    "policies": ("PolicyDecided",),
}


def _named(fact: type[Fact]) -> str:
    return fact.__module__.removeprefix("runfold.events.run.")


GROUPS: dict[str, frozenset[str]] = {
    name: frozenset(fact.__name__ for fact in FACTS if _named(fact) in rooms)
    | frozenset(_MORE.get(name, ()))
    for name, rooms in _ROOMS.items()
} | {"ends": TERMINAL}
"""Names for several types at once."""


def types_of(names: Iterable[str]) -> frozenset[str]:
    """Return the types that names of types and groups stand for; raises InvalidError."""
    found: set[str] = set()
    for name in names:
        if name in GROUPS:
            found |= GROUPS[name]
        elif name in TYPES:
            found.add(name)
        else:
            raise InvalidError(_unknown(name))
    if not found:
        raise InvalidError("No type of event is named: leave `types` out for all of them.")
    return frozenset(found)


def _unknown(name: str) -> str:
    known = {each.lower(): each for each in (*GROUPS, *sorted(TYPES))}
    near = get_close_matches(name[:100].lower(), known, n=1, cutoff=0.7)
    meant = f" Did you mean {known[near[0]]}?" if near else ""
    groups = ", ".join(sorted(GROUPS))
    return (
        f"There is no type of event {name[:100]!r}.{meant} Name types as docs/events.md has them, "
        f"or groups: {groups}."
    )
