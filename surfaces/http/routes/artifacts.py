"""Artifacts: bytes that are uploaded as input of runs, and those that runs left behind."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from starlette.responses import Response

from runfold.infra.artifacts.port import ArtifactStore
from runfold.surfaces.application import shapes
from runfold.surfaces.application.runs import async_follow
from runfold.surfaces.application.runs.asking import attaching
from runfold.surfaces.application.runs.reading.accepted import detail
from runfold.surfaces.application.scope import TenantScope
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.bytes_answer import bytes_answer
from runfold.surfaces.http.reading import bodies, digests
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.http.route import Call, Parameter, Route, answered

_OCTETS = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}(?:;[ -~]{0,100})?")
_DIGEST = Parameter(
    "Content-Digest", "`sha-256=:BASE64:`: what comes is refused where it is not this (RFC 9530).",
    place="header",
)  # fmt: skip
_RANGE = Parameter("Range", "`bytes=0-99`: a part of it.", place="header")
_IF_RANGE = Parameter("If-Range", "The part only if it has this `ETag`, else all.", place="header")
_IF_NONE_MATCH = Parameter("If-None-Match", "An `ETag` that is known.", place="header")


async def upload(call: Call[None]) -> Response:
    """Keep bytes as an artifact of the key's tenant; answer once they are durable."""
    store, use = store_of(call), call.gateway.use
    media_type = call.request.headers.get("content-type", _OCTETS).strip()
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise Problem("unsupported_media_type", "Content-Type must be a media type: text/csv.")
    most = use.limits.artifact_bytes
    size = min(bodies.announced(call.request) or most, most)
    use.hold(size)
    try:
        body = await bodies.read(call.request, use.limits, most)
        digests.check(call.request, body)
        kept = await asyncio.to_thread(
            attaching.keep, store, call.caller.tenant_id, body, media_type
        )
    finally:
        use.release(size)
    headers = {
        "location": f"/artifacts/{kept.artifact_id}",
        "repr-digest": digests.digest_header(bytes.fromhex(kept.sha256)),
    }
    return answered(kept, 201, headers)


async def download(call: Call[None]) -> Response:
    """Give the bytes of an artifact, or a part of them, checked against its name."""
    store, caller, name = store_of(call), call.caller, call.path("artifact_id")
    await call.gateway.note_read(caller, "GET /artifacts/{artifact_id}")
    data = await asyncio.to_thread(attaching.read, store, caller.tenant_id, name)
    digest = await asyncio.to_thread(attaching.sha256, data)
    headers = {
        "repr-digest": digests.digest_header(digest),
        "cache-control": "private, no-cache",
        # Whoever opens it in a browser gets a file, and nothing in it is run.
        "content-disposition": f'attachment; filename="{name}"',
        "content-security-policy": "sandbox; default-src 'none'",
    }
    return bytes_answer(call.request, data, call.gateway.use, f'"{digest.hex()}"', headers)


async def of_run(call: Call[None]) -> Response:
    """List the artifacts that a run was given, and those that its calls left behind."""
    run_id, caller, gateway = call.path("run_id"), call.caller, call.gateway
    await gateway.note_read(caller, "GET /runs/{run_id}/artifacts", run_id)
    client, scope = gateway.client(caller), TenantScope(caller.tenant_id)
    # One that has only been asked for is there, and has named nothing yet.
    known = await detail(client, gateway.reader, scope, run_id)
    events = (
        [each async for each in async_follow.journal_of(client, scope, run_id)] if known.seq else []
    )
    found = await asyncio.to_thread(attaching.named_by, events)
    return answered(shapes.RunArtifacts(run_id=run_id, artifacts=tuple(found)))


def store_of(call: Call[Any]) -> ArtifactStore:
    """Return the store of artifacts; raises Problem where there is none."""
    if call.gateway.artifacts is None:
        raise Problem("unavailable", "There is no store of artifacts here.")
    return call.gateway.artifacts


ROUTES = (
    Route(
        "POST", "/artifacts", "upload_artifact", "Upload a file, as input of runs", identity.WRITE,
        upload, {201: shapes.Artifact}, None, (_DIGEST,),
        (
            "malformed", "too_large", "too_slow", "unsupported_media_type", "digest_mismatch",
            "too_busy", "storage",
        ),
        uploads=True,
    ),
    Route(
        "GET", "/artifacts/{artifact_id}", "download_artifact", "Download a file, or a part of it",
        identity.READ, download, {200: None, 206: None, 304: None}, None,
        (_RANGE, _IF_RANGE, _IF_NONE_MATCH),
        ("not_found", "range_not_satisfiable", "too_busy", "storage"), gives=(_OCTETS,),
    ),
    Route(
        "GET", "/runs/{run_id}/artifacts", "list_artifacts", "See a run's artifacts",
        identity.READ, of_run, {200: shapes.RunArtifacts}, problems=("not_found",),
    ),
)  # fmt: skip
