"""What may be decided about published definitions: checked before it is said, and by every reader.

Two who decide at the same moment may both pass the first check; the order of the topic then says
which record holds, and every reader leaves out the other for the same reason.
"""

from __future__ import annotations

from runfold.events.definitions import (
    KINDS,
    POLICY,
    SUBSCRIBER,
    SUBSCRIPTION,
    AuthorityDelegated,
    Decided,
    DefinitionAliased,
    DefinitionReleased,
    DefinitionRetired,
    Definitions,
    DefinitionWithdrawn,
    Published,
    State,
    SwitchThrown,
)
from runfold.events.definitions.store.resolving import MAX_ALIASES
from runfold.processors.definitions.delegating import to_delegate


def objection(definitions: Definitions, decided: Decided) -> str:  # noqa: PLR0911 - a line each
    """Return why a decision cannot hold after these definitions, or an empty text."""
    if isinstance(decided, SwitchThrown):
        return _to_switch(definitions, decided)
    if isinstance(decided, AuthorityDelegated):
        return to_delegate(definitions, decided)
    if decided.kind not in KINDS:
        return "no such kind of definition"
    if isinstance(decided, DefinitionAliased) and decided.kind == POLICY:
        return "policies hold together and nothing refers to them: they have no other names"
    if isinstance(decided, DefinitionAliased):
        return _to_alias(definitions, decided)
    if isinstance(decided, DefinitionReleased):
        return _to_release(definitions, decided)
    return _to_rule(definitions, decided)


SWITCHED = ("tenant", "agent", "tool", "model", SUBSCRIPTION, SUBSCRIBER)
"""What can be stopped."""

_LISTED = {"agent": "agents", "tool": "tools"}
_PUBLISHED = frozenset(SWITCHED) - {"tenant", "model"}


def _to_switch(definitions: Definitions, decided: SwitchThrown) -> str:
    if decided.kind not in SWITCHED:
        return f"{decided.kind} is nothing that can be stopped: say one of {', '.join(SWITCHED)}"
    if not decided.name.strip():
        return f"say which {decided.kind}"
    if decided.kind == "tenant" and decided.tenant not in {None, decided.name}:
        return "a tenant is stopped by its own name"
    if decided.kind in _PUBLISHED and not _is_published(definitions, decided):
        return (
            f"no {decided.kind} {decided.name} is published{_for(decided.tenant)}: "
            f"`runfold {_LISTED.get(decided.kind, 'webhooks list')}` lists what is"
        )
    return _to_throw(definitions, decided)


def _to_throw(definitions: Definitions, decided: SwitchThrown) -> str:
    """Return why a switch is already where it is to be, or an empty text."""
    names = (name for name, _ in definitions.switches())
    scopes = [name.tenant for name in names if name[:2] == (decided.kind, decided.name)]
    stopped = decided.tenant in scopes
    if stopped is not decided.stopped:
        return ""
    whom = f"{decided.kind} {decided.name}"
    if stopped:
        return f"{whom} is stopped already: `runfold switch list` says since when and why"
    others = ", ".join("all tenants" if each is None else f"tenant {each}" for each in scopes)
    if others:
        return f"{whom} is stopped for {others}, which is another switch: say for whom by --tenant"
    return f"{whom} is not stopped: `runfold switch list` shows what is"


def _is_published(definitions: Definitions, decided: SwitchThrown) -> bool:
    """Whether anybody has it: a switch for all may stop what one tenant published."""
    if decided.tenant is not None:
        return decided.name in definitions.names(decided.kind, decided.tenant)
    return any(
        each.kind == decided.kind and each.definition.name == decided.name for each in definitions
    )


def _to_rule(definitions: Definitions, decided: DefinitionRetired | DefinitionWithdrawn) -> str:
    owned = _owned(definitions, decided.kind, decided.name, decided.version, decided.tenant)
    if owned is None:
        return f"{decided.name}@{decided.version} is not published{_for(decided.tenant)}"
    ruling = definitions.ruling(decided.kind, owned)
    state = ruling.state if ruling else State.ACTIVE
    if state is State.WITHDRAWN:
        return f"{decided.name}@{decided.version} is withdrawn for good"
    if isinstance(decided, DefinitionRetired) and (state is State.RETIRED) is decided.retired:
        return f"{decided.name}@{decided.version} is {state.value} already"
    return ""


def _owned(
    definitions: Definitions, kind: str, name: str, version: str, tenant: str | None
) -> Published | None:
    found = definitions.version(kind, name, version, tenant)
    return found if found is not None and found.tenant == tenant else None


def _to_release(definitions: Definitions, decided: DefinitionReleased) -> str:
    if decided.version is None:
        known = decided.name in definitions.names(decided.kind, decided.tenant)
        return "" if known else f"no {decided.kind} {decided.name} is published"
    found = definitions.version(decided.kind, decided.name, decided.version, decided.tenant)
    if found is None:
        return f"{decided.name}@{decided.version} is not published{_for(decided.tenant)}"
    ruling = definitions.ruling(decided.kind, found)
    if ruling is not None and ruling.state is not State.ACTIVE:
        return f"{decided.name}@{decided.version} is {ruling.state.value}"
    return ""


def _to_alias(definitions: Definitions, decided: DefinitionAliased) -> str:
    if "@" in decided.name:
        return "an alias is a name without a version"
    owner = definitions.resolve(decided.kind, decided.name, None, decided.tenant)
    if owner.name == decided.name and owner.problem != "unknown":
        return f"{decided.name} is the name of a published {decided.kind}"
    if decided.target is None:
        known = decided.name in definitions.names(decided.kind, decided.tenant)
        return "" if known else f"there is no alias {decided.name}"
    if _leads_back(definitions, decided):
        return f"{decided.name} and {decided.target} would lead to each other"
    found = definitions.resolve(decided.kind, decided.target, None, decided.tenant)
    if found.problem == "unknown":
        return f"{decided.target} is not published{_for(decided.tenant)}"
    return ""


def _leads_back(definitions: Definitions, decided: DefinitionAliased) -> bool:
    """Whether the target leads to the alias itself, or through more aliases than are followed."""
    name: str | None = decided.target
    for _ in range(MAX_ALIASES):
        if name is None:
            return False
        name = name.partition("@")[0]
        if name == decided.name:
            return True
        name = definitions.alias(decided.kind, name, decided.tenant)
    return name is not None


def _for(tenant: str | None) -> str:
    return f" by tenant {tenant}" if tenant is not None else " for all tenants"
