"""The definition store as rows: what was published, and what was decided about it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from runfold.events import topics
from runfold.events.definitions import (
    KINDS,
    AuthorityDelegated,
    Decided,
    DefinitionAliased,
    DefinitionPublished,
    DefinitionReleased,
    DefinitionWithdrawn,
    SwitchThrown,
    TenantErased,
    TenantKept,
)
from runfold.projections.rendering.readable import clean
from runfold.projections.tables import definition_decisions, definition_versions, tenant_erasures
from runfold.projections.view import Batch, Row, Rows, View


def add(batch: Batch, rows: Rows) -> None:
    """Add a row a version, of which the first record holds, and a row a decision."""
    versions, decisions = rows.of(definition_versions), rows.of(definition_decisions)
    erasures = rows.of(tenant_erasures)
    for stored in batch.stored:
        record = stored.record
        if isinstance(record, TenantErased):
            tenant = clean(record.tenant)
            erasures[tenant] = {"tenant_id": tenant, "erased_at": record.decided_at}
            continue
        if isinstance(record, TenantKept):
            # The log says it; no row is about the keys of tenants.
            continue
        if not isinstance(record, DefinitionPublished):
            decisions.setdefault(stored.offset, _decision(record, stored.offset))
        elif record.kind in KINDS and _is_whole(record):
            row = _version(record, stored.offset)
            key = (row["kind"], row["name"], row["version"], row["tenant"])
            versions.setdefault(key, row)


def _is_whole(record: DefinitionPublished) -> bool:
    """Return whether the body is what the record says: readers leave out what is not."""
    body = record.body.inline
    return body is not None and hashlib.sha256(body).digest() == record.digest


def _version(record: DefinitionPublished, offset: int) -> Row:
    body = json.loads(record.body.inline or b"{}")
    body = body if isinstance(body, dict) else {}
    undone = body.get("reversible")
    return {
        "kind": record.kind,
        "name": clean(record.name),
        "version": clean(record.version),
        "tenant": clean(record.tenant or ""),
        "digest": record.digest.hex(),
        "description": _text(body, "description"),
        "effect": _text(body, "effect"),
        "reversible": undone if isinstance(undone, bool) else None,
        "published_at": record.published_at,
        "published_by": clean(record.published_by),
        "position": offset,
    }


def _text(body: dict[str, Any], name: str) -> str | None:
    said = body.get(name)
    return clean(said) if isinstance(said, str) else None


def _decision(record: Decided, offset: int) -> Row:
    return {
        "position": offset,
        "kind": clean(record.kind),
        "name": clean(record.name),
        "tenant": clean(record.tenant or ""),
        "action": _action(record),
        "target": _target(record),
        "live_runs": record.live_runs.value if isinstance(record, DefinitionWithdrawn) else None,
        "reason": clean(record.reason),
        "decided_at": record.decided_at,
        "decided_by": clean(record.decided_by),
    }


def _action(record: Decided) -> str:
    if isinstance(record, DefinitionReleased):
        return "released"
    if isinstance(record, DefinitionAliased):
        return "aliased"
    if isinstance(record, DefinitionWithdrawn):
        return "withdrawn"
    if isinstance(record, AuthorityDelegated):
        return "delegation revoked" if record.revoked else "delegated"
    if isinstance(record, SwitchThrown):
        return "stopped" if record.stopped else "let go on"
    return "retired" if record.retired else "restored"


def _target(record: Decided) -> str | None:
    if isinstance(record, SwitchThrown):
        return None
    if isinstance(record, AuthorityDelegated):
        return clean(record.delegate)
    said = record.target if isinstance(record, DefinitionAliased) else record.version
    return None if said is None else clean(said)


VIEW = View(
    "definitions",
    (definition_versions, definition_decisions, tenant_erasures),
    add,
    (topics.REGISTRY,),
)
