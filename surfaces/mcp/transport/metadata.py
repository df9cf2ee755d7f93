"""OAuth protected-resource metadata (RFC 9728): which issuers' tokens this server takes."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.http.access.identity import GRANTS, OPERATOR
from runfold.surfaces.http.refusals.problems import Problem

PATH = "/mcp"
WELL_KNOWN = "/.well-known/oauth-protected-resource"


class Metadata:
    """Says what the server takes; there is none where no issuer is configured."""

    def __init__(self, issuers: tuple[str, ...], public_url: str | None) -> None:
        self._issuers = issuers
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the document; raises Problem."""
        request = Request(scope, receive)
        if request.method not in {"GET", "HEAD"}:
            raise Problem("method_not_allowed", "Send GET.", headers={"allow": "GET, HEAD"})
        if not self._issuers:
            raise Problem("no_such_route", "No issuer is configured here: send an API key.")
        said = {
            "resource": self.resource(request),
            "authorization_servers": list(self._issuers),
            "scopes_supported": sorted(set(GRANTS) - {OPERATOR}),
            "bearer_methods_supported": ["header"],
            "resource_name": "Runfold",
        }
        headers = {"cache-control": "max-age=3600", "access-control-allow-origin": "*"}
        answer = Response(to_json(said), 200, headers, "application/json")
        await answer(scope, receive, send)

    def resource(self, request: Request) -> str:
        """Return what tokens must be issued for: the address of the endpoint."""
        if self._public_url:
            return self._public_url
        return f"{request.url.scheme}://{request.headers.get('host', 'localhost')}{PATH}"

    def challenge(self, request: Request, problem: Problem) -> dict[str, str]:
        """Return the header that leads a client without a token to the document."""
        if problem.code != "unauthenticated" or not self._issuers:
            return {}
        parts = urlsplit(self.resource(request))
        place = urlunsplit((parts.scheme, parts.netloc, WELL_KNOWN + parts.path, "", ""))
        return {"www-authenticate": f'Bearer realm="runfold", resource_metadata="{place}"'}
