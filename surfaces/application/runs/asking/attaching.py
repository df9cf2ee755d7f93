"""Artifacts of a tenant: kept as input of its runs, attached to them, and those that they named."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from runfold.events import run as journal
from runfold.events.contents.attachments import ARTIFACT, MOST_BYTES
from runfold.events.contents.content import Content
from runfold.events.values import Attachment
from runfold.infra.artifacts.errors import ArtifactMissingError
from runfold.infra.artifacts.port import ArtifactStore, ref_of
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import InvalidError, NotFoundError

_ID = re.compile(r"[0-9a-f]{64}")


class Wanted(NamedTuple):
    """An artifact that a run is to begin with: its id or ref, and what it is called."""

    artifact: str
    name: str
    media_type: str
    untrusted: bool


def keep(store: ArtifactStore, tenant: str, data: bytes, media_type: str) -> shapes.Artifact:
    """Keep bytes durably, and return what they are called; raises errors of the store."""
    kept = store.put(data, media_type, tenant)
    return shapes.Artifact(
        artifact_id=id_of(kept.ref),
        ref=kept.ref,
        sha256=kept.digest.hex(),
        size=kept.size,
        media_type=kept.media_type,
    )


def read(store: ArtifactStore, tenant: str, artifact: str) -> bytes:
    """Return the bytes of a tenant's artifact by its id or ref, checked; raises NotFoundError."""
    ref = artifact if artifact.startswith(ARTIFACT) else None
    if ref is None and _ID.fullmatch(artifact):
        ref = ref_of(artifact, tenant)
    try:
        if ref is None:
            raise ArtifactMissingError
        return store.get(ref, tenant)
    except ArtifactMissingError:
        raise NotFoundError("There is no such artifact: check its id.") from None


def attach(store: ArtifactStore, tenant: str, wanted: Sequence[Wanted]) -> tuple[Attachment, ...]:
    """Return artifacts as what a run begins with: size and digest are those of what is kept.

    Raises InvalidError for one that is not there, and for more than models are given.
    """
    found, size = [], 0
    for number, each in enumerate(wanted):
        try:
            data = read(store, tenant, each.artifact)
        except NotFoundError:
            raise InvalidError(
                f"/attachments/{number}/artifact: there is no such artifact: upload it first."
            ) from None
        size += len(data)
        if size > MOST_BYTES:
            raise InvalidError(
                f"/attachments/{number}: together they have more than {MOST_BYTES:,} bytes."
            )
        found.append(_attached(data, tenant, each))
    return tuple(found)


def named_by(events: Sequence[journal.Event]) -> list[shapes.RunArtifact]:
    """Return the artifacts that a run's events name, each once, by the first that does."""
    found: dict[str, shapes.RunArtifact] = {}
    for event in events:
        for name, content in _contents("", event.fact):
            ref = content.ref or ""
            if ref.startswith(ARTIFACT) and ref not in found:
                found[ref] = shapes.RunArtifact(
                    artifact_id=id_of(ref),
                    ref=ref,
                    sha256=content.digest.hex(),
                    size=content.size,
                    media_type=content.media_type,
                    seq=event.meta.seq,
                    name=name or None,
                )
    return list(found.values())


def id_of(ref: str) -> str:
    """Return the last part of a ref, by which it is asked for."""
    return ref.rpartition("/")[2]


def sha256(data: bytes) -> bytes:
    """Return the digest of bytes, by which their representations are told apart."""
    return hashlib.sha256(data).digest()


def _attached(data: bytes, tenant: str, wanted: Wanted) -> Attachment:
    ref = wanted.artifact
    content = Content(
        media_type=wanted.media_type,
        size=len(data),
        digest=sha256(data),
        ref=ref if ref.startswith(ARTIFACT) else ref_of(ref, tenant),
    )
    return Attachment(name=wanted.name, content=content, untrusted=wanted.untrusted)


def _contents(name: str, held: Any) -> Iterator[tuple[str, Content]]:
    """Yield what a fact holds of contents, with the name of the attachment where it is one."""
    match held:
        case Content():
            yield name, held
        case BaseModel():
            named = held.name if isinstance(held, Attachment) else ""
            for _, inner in held:
                yield from _contents(named, inner)
        case tuple():
            for each in held:
                yield from _contents("", each)
        case _:
            return
