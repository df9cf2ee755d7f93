"""A definition as a record of the topic ``registry``, and the definitions after it."""

from __future__ import annotations

import hashlib
from datetime import datetime

from pydantic import ValidationError

from runfold.events.contents.content import JSON, content
from runfold.events.definitions import (
    KIND_OF,
    KINDS,
    Definition,
    DefinitionPublished,
    Definitions,
    StorePermit,
    StoreRecord,
    TenantKept,
    key_of,
)
from runfold.events.expected import first_of
from runfold.processors.definitions.rules import objection


def kind_of(definition: Definition) -> str:
    """Return the name that the definition's kind carries on the wire."""
    return KIND_OF[type(definition)]


def key(definition: Definition, tenant: str | None = None) -> str:
    """Return the definition's key on the registry topic."""
    return key_of(kind_of(definition), definition.name, definition.version, tenant)


def find(
    definitions: Definitions, definition: Definition, tenant: str | None = None
) -> Definition | None:
    """Return what a tenant finds under the definition's kind, name and version."""
    kind = kind_of(definition)
    found = definitions.version(kind, definition.name, definition.version, tenant)
    return found.definition if found else None


def announce(
    definition: Definition,
    by: str,
    at: datetime,
    tenant: str | None = None,
    permit: StorePermit | None = None,
) -> DefinitionPublished:
    """Return the record that publishes a definition, for one tenant or for all."""
    return DefinitionPublished(
        kind=kind_of(definition),
        name=definition.name,
        version=definition.version,
        digest=definition.digest(),
        body=content(definition.body().encode(), JSON),
        published_at=at,
        published_by=by,
        tenant=tenant,
        permit=permit,
    )


class _UnusableError(Exception):
    """A record that defines nothing; the text says why."""


def fold(definitions: Definitions, record: StoreRecord, offset: int) -> tuple[Definitions, str]:  # noqa: PLR0911
    """Return the definitions after the record at ``offset`` and why the record was left out, if so.

    The first record of a key holds for good: runs have pinned it. So does a shared version before
    a tenant's own under the same name and version, which is left out.
    """
    after = offset + 1
    if isinstance(record, TenantKept):
        return definitions.kept(record, after)
    if not isinstance(record, DefinitionPublished):
        if reason := objection(definitions, record):
            what = type(record).__name__
            return definitions.through(after), f"{what} of {record.kind}/{record.name}: {reason}"
        return definitions.after(record, after), ""
    where = key_of(record.kind, record.name, record.version, record.tenant)
    try:
        said, body = _said(record)
    except _UnusableError as fault:
        return definitions.through(after), f"{where}: {fault}"
    known = definitions.version(record.kind, said.name, said.version, record.tenant)
    if known is None or (known.tenant != record.tenant and record.tenant is None):
        by, at, tenant = record.published_by, record.published_at, record.tenant
        return definitions.plus(record.kind, body, after, tenant, by=by, at=at), ""
    if known.tenant != record.tenant:
        return definitions.through(after), f"{where}: published before for all tenants"
    other = known.pin.digest != said.digest()
    reason = f"{where}: published before with other content, which holds" if other else ""
    return definitions.through(after), reason


def _said(record: DefinitionPublished) -> tuple[Definition, bytes]:
    if record.kind not in KINDS:
        raise _UnusableError("no such kind of definition")
    body = record.body.inline
    if body is None:
        raise _UnusableError("the record holds no body")
    # Of the bytes, not of the definition read from them: a later version may know more fields.
    if hashlib.sha256(body).digest() != record.digest:
        raise _UnusableError("the digest is not that of the body")
    try:
        said = KINDS[record.kind].model_validate_json(body)
    except ValidationError as fault:
        raise _UnusableError(f"the body is not a valid {record.kind}: {first_of(fault)}") from None
    if (said.name, said.version) != (record.name, record.version):
        raise _UnusableError(f"the body is that of {said.name}@{said.version}")
    return said, body
