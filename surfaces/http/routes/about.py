"""What the gateway says of itself: whether it serves, what it offers, who asks."""

from __future__ import annotations

import asyncio
from functools import cache

from starlette.responses import Response

from runfold.surfaces.application import shapes
from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.http.documents import asyncapi, openapi, page
from runfold.surfaces.http.documents import problems as problem_docs
from runfold.surfaces.http.refusals import problem_page
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.http.route import NO_SCOPE, Call, Route, answered

_HTML = "text/html; charset=utf-8"
_PUBLIC = {"cache-control": "public, max-age=300"}


async def alive(call: Call[None]) -> Response:  # noqa: ARG001 - every endpoint is given it
    """Say that the process answers."""
    return answered({"status": "ok"})


async def ready(call: Call[None]) -> Response:
    """Say whether requests can be served: Kafka and Postgres answer."""
    if why := await asyncio.to_thread(call.gateway.ready):
        raise Problem("unavailable", why, headers={"retry-after": "1"})
    return answered({"status": "ready"})


async def document(call: Call[None]) -> Response:  # noqa: ARG001 - every endpoint is given it
    """Describe every route."""
    return Response(_document(), media_type="application/json", headers=_PUBLIC)


async def asyncapi_document(call: Call[None]) -> Response:  # noqa: ARG001 - every endpoint is given it
    """Describe every topic."""
    said = await asyncio.to_thread(_asyncapi)
    return Response(said, media_type="application/json", headers=_PUBLIC)


async def openapi_page(call: Call[None]) -> Response:  # noqa: ARG001 - every endpoint is given it
    """Show the routes to a person."""
    said = await asyncio.to_thread(_openapi_page)
    return Response(said, media_type=_HTML, headers={**_PUBLIC, **page.HEADERS})


async def asyncapi_page(call: Call[None]) -> Response:  # noqa: ARG001 - every endpoint is given it
    """Show the topics to a person."""
    said = await asyncio.to_thread(_asyncapi_page)
    return Response(said, media_type=_HTML, headers={**_PUBLIC, **page.HEADERS})


async def problems(call: Call[None]) -> Response:
    """Explain every code: as a page, and as Markdown where that is preferred."""
    headers = {**_PUBLIC, "vary": "accept"}
    if problem_docs.wants_markdown(call.request.headers.get("accept", "")):
        said = problem_page.page()
        return Response(said, media_type="text/markdown; charset=utf-8", headers=headers)
    return Response(problem_docs.html(), media_type=_HTML, headers={**headers, **page.HEADERS})


async def identity(call: Call[None]) -> Response:
    """Say who asks."""
    return answered(call.caller.shape())


def _routes() -> tuple[Route, ...]:
    from runfold.surfaces.http.routes import ROUTES as ALL  # noqa: PLC0415 - it holds this module

    return ALL


@cache
def _document() -> str:
    return to_json(openapi.document(_routes()))


@cache
def _openapi_page() -> str:
    return page.openapi(openapi.document(_routes()))


@cache
def _asyncapi() -> str:
    return asyncapi.text()


@cache
def _asyncapi_page() -> str:
    return page.asyncapi(asyncapi.document())


ROUTES = (
    Route(
        "GET", "/identity", "get_identity", "See who a key stands for", NO_SCOPE, identity,
        {200: shapes.Identity},
    ),
    Route("GET", "/healthz", "alive", "See whether the process answers", None, alive, {200: None}),
    Route(
        "GET", "/readyz", "ready", "See whether requests can be served", None, ready, {200: None},
        problems=("unavailable",),
    ),
    Route("GET", "/openapi.json", "document", "Read this document", None, document, {200: None}),
    Route(
        "GET", "/asyncapi.json", "asyncapi_document", "Read the document of the topics", None,
        asyncapi_document, {200: None},
    ),
    Route(
        "GET", "/openapi", "openapi_page", "Read the routes as a page", None, openapi_page,
        {200: None}, gives=("text/html",),
    ),
    Route(
        "GET", "/asyncapi", "asyncapi_page", "Read the topics as a page", None, asyncapi_page,
        {200: None}, gives=("text/html",),
    ),
    Route(
        "GET", "/problems", "problems", "Read what each code means", None, problems, {200: None},
        gives=("text/html", "text/markdown"),
    ),
)  # fmt: skip
