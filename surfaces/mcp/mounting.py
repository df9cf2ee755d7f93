"""How the server is mounted in a gateway: its endpoint, and the metadata beside it."""

from __future__ import annotations

from starlette.types import Scope

from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.mounted import Mounted, caller_in
from runfold.surfaces.mcp.resources import Artifacts
from runfold.surfaces.mcp.server import make_server
from runfold.surfaces.mcp.transport.endpoint import Endpoint
from runfold.surfaces.mcp.transport.metadata import PATH, WELL_KNOWN, Metadata


def mounted(
    gateway: Gateway,
    *,
    artifacts: Artifacts | None = None,
    public_url: str | None = None,
) -> tuple[Mounted, ...]:
    """Return what a gateway serves of the protocol.

    Its metadata name the issuers whose tokens this gateway lets in, and no others.
    """
    tokens = gateway.door.tokens
    issuers = tuple(each.issuer for each in tokens.issuers) if tokens is not None else ()
    metadata = Metadata(issuers, public_url)
    endpoint = Endpoint(make_server(gateway, artifacts), gateway.use.limits, _who, public_url)
    return (
        Mounted(PATH, "mcp", endpoint, refused=metadata.challenge),
        Mounted(WELL_KNOWN, "mcp_metadata", metadata, public=True),
        Mounted(f"{WELL_KNOWN}{PATH}", "mcp_metadata", metadata, public=True),
    )


def _who(scope: Scope) -> str:
    caller = caller_in(scope)
    return f"{caller.tenant_id!r} {caller.user_id!r} {caller.key_id!r}"
