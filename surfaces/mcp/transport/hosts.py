"""Who may be named as host and origin of a request: a page of a stranger must not reach a server
on its reader's machine under a name that it has pointed there.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.types import Scope

from runfold.surfaces.http.refusals.problems import Problem


def need_own(scope: Scope, public_url: str | None) -> None:
    """Raise Problem for a host or an origin that is neither this machine's nor the public one.

    A server that others reach by other names than it knows takes any host, and no origin but its
    own.
    """
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    public = _host_of(public_url) if public_url else None
    host = _bare(headers.get(b"host", ""))
    server = (scope.get("server") or ("", 0))[0]
    if _is_loopback(server) and not (_is_loopback(host) or host == public):
        raise Problem(
            "forbidden",
            "This server is reached as localhost, or as RUNFOLD_MCP_URL says: the Host is another.",
        )
    origin = headers.get(b"origin")
    if origin is None:
        return
    said = _host_of(origin)
    if said is None or not (_is_loopback(said) or said == public):
        raise Problem(
            "forbidden", "The Origin is of another place than RUNFOLD_MCP_URL or this machine."
        )


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _bare(host: str) -> str:
    return _host_of(f"//{host}") or ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
