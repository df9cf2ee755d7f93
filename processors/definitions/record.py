"""A definition as a record of the topic ``registry``, and the definitions after it."""

from __future__ import annotations

import hashlib
from datetime import datetime

from pydantic import ValidationError

from runfold.events.content import JSON, content
from runfold.events.definitions import KINDS, Definition, Definitions, key_of
from runfold.events.operations import DefinitionPublished

_KIND_OF = {of: kind for kind, of in KINDS.items()}


def kind_of(definition: Definition) -> str:
    """Return the name that the definition's kind carries on the wire."""
    return _KIND_OF[type(definition)]


def key(definition: Definition) -> str:
    """Return the definition's key on the registry topic."""
    return key_of(kind_of(definition), definition.name, definition.version)


def find(definitions: Definitions, definition: Definition) -> Definition | None:
    """Return what the definitions hold under the definition's kind, name and version."""
    of_kind = definitions.by_kind.get(kind_of(definition), {})
    return of_kind.get((definition.name, definition.version))


def announce(definition: Definition, by: str, at: datetime) -> DefinitionPublished:
    """Return the record that publishes a definition."""
    return DefinitionPublished(
        kind=kind_of(definition),
        name=definition.name,
        version=definition.version,
        digest=definition.digest(),
        body=content(definition.body().encode(), JSON),
        published_at=at,
        published_by=by,
    )


class _UnusableError(Exception):
    """A record that defines nothing; the text says why."""


def fold(
    definitions: Definitions, record: DefinitionPublished, offset: int
) -> tuple[Definitions, str]:
    """Return the definitions after the record at ``offset`` and why the record was left out, if so.

    The first record of a key holds for good: runs have pinned it.
    """
    where = key_of(record.kind, record.name, record.version)
    try:
        said, body = _said(record)
    except _UnusableError as fault:
        return definitions.at(offset + 1), f"{where}: {fault}"
    known = find(definitions, said)
    if known is None:
        return definitions.plus(record.kind, body, offset + 1), ""
    other = known.digest() != said.digest()
    reason = f"{where}: published before with other content, which holds" if other else ""
    return definitions.at(offset + 1), reason


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
        raise _UnusableError(
            f"the body is not a valid {record.kind}: {fault.error_count()} faults"
        ) from None
    if (said.name, said.version) != (record.name, record.version):
        raise _UnusableError(f"the body is that of {said.name}@{said.version}")
    return said, body
