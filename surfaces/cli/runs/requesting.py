"""Asking for a run: limits, and files put where the run's tools find them."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from runfold.events.contents.attachments import MOST_BINARY_BYTES
from runfold.events.contents.content import Content
from runfold.events.values import Attachment
from runfold.infra.artifacts.files import FileArtifacts
from runfold.infra.artifacts.port import ArtifactStore
from runfold.infra.artifacts.sealed import SealedArtifacts
from runfold.producers.client import RequestOptions, RunClient
from runfold.surfaces.application.runs.asking.submit import LimitOptions, limits_of
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.faults import CliError
from runfold.surfaces.cli.publishing import workspace_of

_CHUNK = 1 << 20


def request(
    client: RunClient,
    goal: str,
    agent: str,
    attachments: tuple[Attachment, ...],
    *,
    feature: str | None = None,
    profile: str | None = None,
    limits: LimitOptions | None = None,
) -> str:
    """Return the id of the run that was asked for; raises RefusedError for what cannot be meant."""
    options: RequestOptions = {"attachments": attachments, "source": "cli"}
    if feature is not None:
        options["feature"] = feature
    if profile is not None:
        options["response_profile"] = profile
    limited = limits_of(limits or {})
    if limited is not None:
        options["limits"] = limited
    return client.request(goal, agent, **options)


def with_files(
    context: Context,
    goal: str,
    files: Sequence[Path],
    tenant: str,
    *,
    untrusted: Sequence[Path] = (),
) -> tuple[str, tuple[Attachment, ...]]:
    """Return the goal with the names of the files, and the files as attachments by reference.

    Their copies are for the run's tools; the artifacts, of those that are not too large, are what
    its model is shown. ``untrusted`` are files that strangers wrote.
    """
    if not files and not untrusted:
        return goal, ()
    workspace = workspace_of(context)
    files_store = FileArtifacts(context.settings.home / "artifacts")
    store = SealedArtifacts(files_store, context.codec.sealing)
    own = [_attached(file, workspace, store, tenant) for file in files]
    theirs = [_attached(file, workspace, store, tenant) for file in untrusted]
    attached = (*own, *(each.model_copy(update={"untrusted": True}) for each in theirs))
    names = ", ".join(each.name for each in attached)
    return f"{goal}\n\nFiles in the workspace: {names}", attached


def copied(file: Path, workspace: Path) -> Path:
    """Copy a file into the workspace, under a name that no other content has; return its place."""
    if not file.is_file():
        raise CliError(f"{file} is not a file that can be read.", exits.NOT_FOUND)
    place = workspace / file.name
    if place.exists() and _digest(place) != _digest(file):
        place = workspace / f"{file.stem}-{_digest(file).hex()[:8]}{file.suffix}"
    if not place.exists():
        new = place.with_name(f".{place.name}.{os.getpid()}")
        shutil.copyfile(file, new)
        new.replace(place)
    return place


def _attached(file: Path, workspace: Path, store: ArtifactStore, tenant: str) -> Attachment:
    place = copied(file, workspace)
    media_type = mimetypes.guess_type(place.name)[0] or "application/octet-stream"
    size, digest, ref = place.stat().st_size, _digest(place), f"workspace:{place.name}"
    if size <= MOST_BINARY_BYTES:
        kept = store.put(place.read_bytes(), media_type, tenant)
        size, digest, ref = kept.size, kept.digest, kept.ref
    content = Content(media_type=media_type, size=size, digest=digest, ref=ref)
    return Attachment(name=place.name, content=content)


def _digest(file: Path) -> bytes:
    found = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            found.update(chunk)
    return found.digest()
