"""Releases: what each name stands for, and what was decided about it."""

from __future__ import annotations

from runfold.events import topics
from runfold.events.definitions import (
    AuthorityDelegated,
    DefinitionAliased,
    DefinitionPublished,
    DefinitionReleased,
    DefinitionRetired,
    Definitions,
    DefinitionWithdrawn,
    Listed,
)
from runfold.producers.log.port import LogReader
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.governing.definitions import (
    Reference,
    read_definitions,
    shown_kind,
)
from runfold.surfaces.application.shapes import (
    Release,
    ReleaseDecision,
    ReleaseHistory,
    ReleaseList,
)


def releases(reader: LogReader, kind: str | None, tenant: str) -> ReleaseList:
    """Return what each name that a tenant sees stands for; raises InvalidError for no kind."""
    known = read_definitions(reader)
    wanted = None if kind is None else Reference.of(f"{kind}/any").kind
    names = {
        (each.kind, each.definition.name)
        for each in known
        if each.tenant in {None, tenant} and wanted in {None, each.kind}
    }
    found = tuple(_release(known, *name, tenant) for name in sorted(names))
    return ReleaseList(position=known.position, releases=found)


def release_history(reader: LogReader, text: str, tenant: str) -> ReleaseHistory:
    """Return what ``kind/name`` stands for and what was decided about it, the latest first.

    Raises NotFoundError where a tenant sees nothing of that name.
    """
    known, asked = read_definitions(reader), Reference.of(text)
    kind, name = asked.kind or "", asked.name
    seen = any(
        each.kind == kind and each.definition.name == name and each.tenant in {None, tenant}
        for each in known
    )
    if not seen:
        raise NotFoundError(f"Nothing named {text} is published: see GET /releases.")
    decisions = _decisions(reader, kind, name, tenant)
    return ReleaseHistory(**dict(_release(known, kind, name, tenant)), decisions=decisions)


def _release(known: Definitions, kind: str, name: str, tenant: str) -> Release:
    resolved = known.resolve(kind, name, None, tenant)
    found = resolved.published
    listed = None if found is None else _listed(known, kind, found.definition)
    # A tenant's own choice may be of a version that belongs to all, and so may that for all.
    chosen = listed is not None and bool({None, tenant} & set(listed.released_for))
    return Release(
        kind=shown_kind(kind),
        name=name,
        version=None if found is None else found.definition.version,
        chosen=chosen,
        shared=found is not None and found.tenant is None,
        digest=None if listed is None else listed.digest.hex(),
        position=None if listed is None else listed.position,
        why="" if found is not None else "no version of it is active",
    )


def _listed(known: Definitions, kind: str, definition: object) -> Listed | None:
    found = (each for each in known if each.kind == kind and each.definition is definition)
    return next(found, None)


def _decisions(reader: LogReader, kind: str, name: str, tenant: str) -> tuple[ReleaseDecision, ...]:
    found = []
    for each in reader.read(topics.REGISTRY):
        record = each.record
        if isinstance(record, DefinitionPublished | AuthorityDelegated):
            continue
        match record:
            case DefinitionReleased(version=target):
                action = "released"
            case DefinitionRetired(version=target):
                action = "retired" if record.retired else "restored"
            case DefinitionWithdrawn(version=target):
                action = "withdrawn"
            case DefinitionAliased(target=target):
                action = "aliased"
            case _:
                continue
        if (record.kind, record.name) != (kind, name) or record.tenant not in {None, tenant}:
            continue
        found.append(
            ReleaseDecision(
                position=each.place.offset,
                action=action,
                target=target,
                shared=record.tenant is None,
                reason=record.reason,
                decided_at=record.decided_at,
                decided_by=record.decided_by,
            )
        )
    return tuple(reversed(found))
