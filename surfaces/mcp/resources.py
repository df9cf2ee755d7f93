"""Resources: a run, its events, and what it kept outside the log, each by its URI."""

from __future__ import annotations

import asyncio
import base64
import re
from dataclasses import dataclass
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    BlobResourceContents,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from runfold.events import run as journal
from runfold.events.base import Record
from runfold.events.contents.content import JSON, Content
from runfold.infra.artifacts.errors import ArtifactError
from runfold.infra.artifacts.port import SizedArtifacts, ref_of
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.application.runs import async_follow
from runfold.surfaces.application.runs.reading.accepted import view_of
from runfold.surfaces.application.runs.reading.lists import list_runs, plain_id
from runfold.surfaces.http.access.identity import READ
from runfold.surfaces.http.refusals.problems import problem_of
from runfold.surfaces.mcp.asking import Asking
from runfold.surfaces.mcp.bounded import MOST_BYTES, bounded, plain, short
from runfold.surfaces.mcp.tools.following import where_it_stands
from runfold.surfaces.mcp.tools.run_tools import page

_URI = re.compile(
    r"runfold://runs/(?P<run>[A-Za-z0-9_-]{1,64})"
    r"(?:/(?P<part>events|artifacts/(?P<name>[0-9a-f]{64})))?(?:\?after=(?P<after>\d{1,18}))?"
)
_MOST_LISTED = 50
_MOST_EVENTS = 200
_NO_SUCH = -32002
_MOST_OF_A_SEAL = 1_024
"""By how many bytes a sealed artifact is longer than its content, and more."""

_TEXTS = ("text/", "application/json", "application/xml", "application/yaml")


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Where artifacts are kept, None where this gateway reaches none; ``most`` are bytes."""

    store: SizedArtifacts | None = None
    most: int = 1_000_000


def templates(asking: Asking) -> ListResourceTemplatesResult:
    """Return the forms of URIs that a caller may read."""
    if not asking.caller.may(READ):
        return ListResourceTemplatesResult(resource_templates=[])
    rows = (
        ("run", "runfold://runs/{run_id}", "Where a run stands.", JSON),
        ("run-events", "runfold://runs/{run_id}/events", "A run's first events.", JSON),
        (
            "run-events-after", "runfold://runs/{run_id}/events?after={seq}",
            "A run's events after one.", JSON,
        ),
        (
            "artifact", "runfold://runs/{run_id}/artifacts/{sha256}",
            "What a run kept outside its record, by the name after the slash of its ref.", None,
        ),
    )  # fmt: skip
    return ListResourceTemplatesResult(
        resource_templates=[
            ResourceTemplate(name=name, uri_template=uri, description=about, mime_type=kind)
            for name, uri, about, kind in rows
        ]
    )


async def listed(asking: Asking) -> ListResourcesResult:
    """Return the newest runs; none where the views do not answer."""
    if not asking.caller.may(READ):
        return ListResourcesResult(resources=[])
    await asking.gateway.note_read(asking.caller, "MCP resources/list")
    found = await asking.gateway.ask_if_there(
        asking.caller, lambda views: list_runs(views, _MOST_LISTED)
    )
    return ListResourcesResult(
        resources=[
            Resource(
                uri=f"runfold://runs/{each.run_id}",
                name=each.run_id,
                title=short(f"{each.agent}: {each.goal}", 120),
                description=f"{each.status.value}, asked for at {each.created_at:%Y-%m-%d %H:%M}",
                mime_type=JSON,
            )
            for each in found or ()
        ]
    )


async def read(asking: Asking, artifacts: Artifacts, uri: str) -> ReadResourceResult:
    """Return what a URI names; raises MCPError where it names nothing that the caller may see."""
    found = _URI.fullmatch(uri)
    if found is None or not asking.caller.may(READ):
        raise _no_such(uri)
    try:
        run_id = plain_id(found["run"])
        await asking.gateway.note_read(asking.caller, "MCP resources/read", run_id)
        if found["name"]:
            return await _artifact(asking, artifacts, uri, run_id, found["name"])
        if found["part"]:
            value: object = await page(asking, run_id, int(found["after"] or 0), _MOST_EVENTS)
        else:
            value = view_of(await where_it_stands(asking, run_id))
    except NotFoundError:
        raise _no_such(uri) from None
    said = TextResourceContents(uri=uri, mime_type=JSON, text=to_json(bounded(plain(value))))
    return ReadResourceResult(contents=[said])


async def _artifact(
    asking: Asking, artifacts: Artifacts, uri: str, run_id: str, name: str
) -> ReadResourceResult:
    """Return the bytes of an artifact that this run's record names, with the kind it names."""
    tenant = asking.caller.tenant_id
    ref = ref_of(name, tenant)
    kind = await _kind_in(asking, run_id, ref)
    if kind is None or artifacts.store is None:
        raise _no_such(uri)
    try:
        # Known before it is read: what is too large is not held for a moment.
        size = await asyncio.to_thread(artifacts.store.size, ref, tenant)
        if size > artifacts.most + _MOST_OF_A_SEAL:
            raise _too_large(size, artifacts.most, name)
        data = await asyncio.to_thread(artifacts.store.get, ref, tenant)
    except ArtifactError:
        raise _no_such(uri) from None
    if len(data) > artifacts.most:
        raise _too_large(len(data), artifacts.most, name)
    if kind.startswith(_TEXTS):
        try:
            text = data.decode()
        except UnicodeDecodeError:
            pass
        else:
            whole = TextResourceContents(uri=uri, mime_type=kind, text=text)
            return ReadResourceResult(contents=[whole])
    blob = base64.b64encode(data).decode()
    return ReadResourceResult(contents=[BlobResourceContents(uri=uri, mime_type=kind, blob=blob)])


async def _kind_in(asking: Asking, run_id: str, ref: str) -> str | None:
    """Return the media type of what a run's record names so; raises NotFoundError for no run.

    It is named as a content that is kept apart, or in the JSON that a tool's large result became.
    """
    runs, named = asking.runs, ref.encode()
    async for event in async_follow.journal_of(runs.client, runs.scope, run_id):
        for held in _contents(event.fact):
            if held.ref == ref:
                return held.media_type
            if held.inline is not None and named in held.inline:
                return JSON
    return None


def _contents(value: Any) -> list[Content]:
    if isinstance(value, Content):
        return [value]
    if isinstance(value, Record | journal.Event):
        return [found for _, held in value for found in _contents(held)]  # type: ignore[union-attr]
    if isinstance(value, tuple | list):
        return [found for held in value for found in _contents(held)]
    return []


def _too_large(size: int, most: int, name: str) -> MCPError:
    place = f"/artifacts/{name}"
    return MCPError(
        INVALID_PARAMS,
        f"It has {size:,} bytes, and {most:,} can be read here: GET {place} at the gateway, with "
        "the same key, gives all of it, or with a Range such as bytes=0-999999 a part.",
        {"code": "too_large", "size": size, "most": most, "place": place},
    )


def _no_such(uri: str) -> MCPError:
    return MCPError(_NO_SUCH, "There is no such resource, or not for this key.", {"uri": uri[:500]})


def refused(error: Exception) -> MCPError:
    """Return an error of a use case as the protocol has errors."""
    problem = problem_of(error)
    return MCPError(INVALID_PARAMS, short(problem.detail, 2_000), {"code": problem.code})


__all__ = ["MOST_BYTES", "Artifacts", "listed", "read", "refused", "templates"]
