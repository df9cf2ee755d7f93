"""Releases: what each name stands for, what was decided about it, and deciding it."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from runfold.surfaces.application import shapes
from runfold.surfaces.application.governing.definitions import KINDS_SHOWN, Governing, Who
from runfold.surfaces.application.governing.releases import release_history, releases
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.route import Call, Parameter, Route, answered


class Promotion(BaseModel):
    """Let a name stand for a version from here on; without a version, for the newest again.

    It holds for the key's tenant, and for runs that begin from then on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(min_length=1, max_length=50)
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^/@]+$")
    version: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"^[^/@]+$")
    reason: str = Field(default="", max_length=10_000)


async def listed(call: Call[None]) -> Response:
    """List what is in force: what each name stands for."""
    await call.gateway.note_read(call.caller, "GET /releases")
    kind, tenant = call.text("kind"), call.caller.tenant_id
    return answered(await asyncio.to_thread(releases, call.gateway.reader, kind, tenant))


async def shown(call: Call[None]) -> Response:
    """Show what a name stands for, and what was decided about it, the latest first."""
    await call.gateway.note_read(call.caller, "GET /releases/{kind}/{name}")
    return await _shown(call, f"{call.path('kind')}/{call.path('name')}")


async def promote(call: Call[Promotion]) -> Response:
    """Make a version the one that its name stands for."""
    body, caller, gateway = call.body, call.caller, call.gateway
    who = Who(caller.user_id, body.reason, caller.roles)
    governing = Governing(gateway.reader, gateway.writer, who, caller.tenant_id)
    text = f"{body.kind}/{body.name}"
    named = text if body.version is None else f"{text}@{body.version}"
    await asyncio.to_thread(governing.release, named)
    return await _shown(call, text)


async def _shown(call: Call[None] | Call[Promotion], text: str) -> Response:
    reader, tenant = call.gateway.reader, call.caller.tenant_id
    return answered(await asyncio.to_thread(release_history, reader, text, tenant))


ROUTES = (
    Route(
        "GET", "/releases", "list_releases", "See which versions are in force",
        identity.DEFINITIONS_READ, listed, {200: shapes.ReleaseList}, None,
        (Parameter("kind", f"Only of this kind: {KINDS_SHOWN}."),), ("invalid",),
    ),
    Route(
        "GET", "/releases/{kind}/{name}", "get_release", "See what a name stands for, and why",
        identity.DEFINITIONS_READ, shown, {200: shapes.ReleaseHistory},
        problems=("invalid", "not_found"),
    ),
    Route(
        "POST", "/releases", "promote_version", "Let a name stand for a version",
        identity.DEFINITIONS_WRITE, promote, {200: shapes.ReleaseHistory}, Promotion, (),
        ("not_found", "ambiguous"),
    ),
)  # fmt: skip
