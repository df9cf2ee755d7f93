"""Whether the policies in force let a person publish a definition or decide about one.

What keeps a person from it is the client: whoever may write to the topic ``registry`` can write a
record that no client would. So every record carries by which rules it was permitted, and whoever
reads the topic can judge it again: ``unpermitted`` finds what the policies of its own moment do not
permit. Its author and roles are those that the record names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from runfold.events.definitions import (
    AuthorityDelegated,
    Decided,
    Definition,
    DefinitionAliased,
    DefinitionPublished,
    DefinitionReleased,
    DefinitionRetired,
    Definitions,
    DefinitionWithdrawn,
    StorePermit,
    StoreRecord,
    SwitchThrown,
    TenantKept,
    ToolContract,
)
from runfold.events.probe import PROBE_TENANT
from runfold.processors.definitions.record import fold
from runfold.processors.run.policy.cedar.people import (
    Person,
    Said,
    Target,
    asked_to_promote,
    asked_to_publish,
    said_of,
)
from runfold.processors.run.policy.cedar.request import Asked

_Judged = DefinitionPublished | Decided
_UNVERSIONED = DefinitionAliased | SwitchThrown | AuthorityDelegated


class Ruled(NamedTuple):
    """What policies say of a record: why it may not be, or the permit that it carries."""

    refusal: str = ""
    permit: StorePermit | None = None


class Unpermitted(NamedTuple):
    """A record of the store that the policies of its moment do not permit, and why not."""

    offset: int
    what: str
    by: str
    why: str


def to_publish(known: Definitions, kind: str, made: Definition, who: Person, at: datetime) -> Ruled:
    """Return what policies in force say of publishing a definition."""
    return _ruled(known, asked_to_publish(who, _target(kind, made), at), who)


def to_decide(known: Definitions, decided: Decided, roles: tuple[str, ...]) -> Ruled:
    """Return what policies in force say of a decision about definitions, or of a switch."""
    who = Person(decided.decided_by, roles, decided.tenant)
    return _ruled(known, _question(known, decided, who), who)


def unpermitted(records: Iterable[tuple[int, StoreRecord]]) -> Iterator[Unpermitted]:
    """Yield what stands in the store though the policies before it do not permit it.

    ``records`` are all of the topic, by offset and in order. A record that every reader leaves out
    is passed by, as is what Runfold's own probe publishes, and what is kept of tenants, of which no
    policy speaks.
    """
    known = Definitions()
    for offset, record in records:
        after, left_out = fold(known, record, offset)
        if not (left_out or isinstance(record, TenantKept)):
            said = _said_of(known, after, record)
            if said is not None:
                yield said._replace(offset=offset)
        known = after


def _said_of(before: Definitions, after: Definitions, record: _Judged) -> Unpermitted | None:
    roles = record.permit.roles if record.permit is not None else ()
    if isinstance(record, DefinitionPublished):
        made = after.version(record.kind, record.name, record.version, record.tenant)
        same = before.version(record.kind, record.name, record.version, record.tenant)
        if made is None or same == made:
            # What was published before stays what it was, whoever says it once more.
            return None
        who = Person(record.published_by, roles, record.tenant)
        said = to_publish(before, record.kind, made.definition, who, record.published_at)
    else:
        said = to_decide(before, record, roles)
    if said.refusal:
        return Unpermitted(0, _named(record), _author(record), said.refusal)
    if said.permit is not None and record.permit is None:
        why = "it names no permit, as what no client of Runfold has written"
        return Unpermitted(0, _named(record), _author(record), why)
    return None


def _ruled(known: Definitions, asked: Asked, who: Person) -> Ruled:
    policies = known.policies(who.tenant) if who.tenant != PROBE_TENANT else None
    said = said_of(policies, asked) if policies is not None else None
    if policies is None or said is None:
        return Ruled()
    if not said.permitted:
        return Ruled(_refusal(asked, said))
    permit = StorePermit(
        roles=who.roles,
        policy_ids=said.ids,
        policy_digest=policies.digest,
        position=known.position,
    )
    return Ruled(permit=permit)


def _refusal(asked: Asked, said: Said) -> str:
    change = f" ({asked.context['change']})" if "change" in asked.context else ""
    return (
        f"{asked.principal.id} may not do {asked.action.id}{change} on {asked.resource.id}: "
        f"{said.why}"
    )


def _question(known: Definitions, decided: Decided, who: Person) -> Asked:
    version = None if isinstance(decided, _UNVERSIONED) else decided.version
    leads = decided.target if isinstance(decided, DefinitionAliased) else None
    found = known.resolve(decided.kind, leads or decided.name, version, decided.tenant).published
    if found is None and version is not None:
        found = known.version(decided.kind, decided.name, version, decided.tenant)
    about = Target(decided.kind, decided.name, version)
    if found is not None:
        of = _target(decided.kind, found.definition)
        about = Target(decided.kind, decided.name, version, of.level, of.owner)
    return asked_to_promote(who, about, _change(decided), decided.decided_at)


def _target(kind: str, made: Definition) -> Target:
    if not isinstance(made, ToolContract):
        return Target(kind, made.name, made.version)
    return Target(kind, made.name, made.version, made.risk_level, made.owner)


def _change(decided: Decided) -> str:
    match decided:
        case DefinitionReleased():
            return "release"
        case DefinitionRetired(retired=retired):
            return "retire" if retired else "restore"
        case DefinitionWithdrawn():
            return "withdraw"
        case DefinitionAliased():
            return "alias"
        case SwitchThrown(stopped=stopped):
            return "stop" if stopped else "start"
        case AuthorityDelegated(revoked=revoked):
            return "revoke" if revoked else "delegate"


def _named(record: _Judged) -> str:
    version = getattr(record, "version", None)
    return f"{type(record).__name__} of {record.kind}/{record.name}" + (
        f"@{version}" if version else ""
    )


def _author(record: _Judged) -> str:
    return record.published_by if isinstance(record, DefinitionPublished) else record.decided_by
