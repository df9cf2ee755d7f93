"""The OpenAPI 3.1 document, made from the table of routes and the models that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from runfold.surfaces.http.access.identity import GRANTS
from runfold.surfaces.http.refusals.codes import CODES
from runfold.surfaces.http.refusals.problems import MEDIA_TYPE
from runfold.surfaces.http.route import Parameter, Route
from runfold.surfaces.http.versions import HEADER, VERSION, VERSIONS

JSON = "application/json"

_REF = "#/components/schemas/{model}"
_EVERY = ("unknown_version", "malformed", "too_many_headers", "uri_too_long", "internal")
_WITH_KEY = (
    "unauthenticated", "token_malformed", "token_untrusted", "token_expired", "token_not_yet",
    "token_audience", "token_claims", "forbidden", "too_many_requests", "refused_too_often",
)  # fmt: skip
_WITH_BODY = (
    "malformed",
    "too_deep",
    "too_large",
    "too_slow",
    "unsupported_media_type",
    "invalid",
)
_HEADERS = {
    "x-request-id": "The id of the request: the one that it came with, or a new one.",
    "traceparent": "The W3C trace context that the request was served in.",
    HEADER: "The version of the API that the request was served in.",
}
_VERSIONED = Parameter(
    "Runfold-Version",
    "The version of the API that the request was written for, by default the newest.",
    {"type": "string", "enum": list(VERSIONS)},
    "header",
)


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the document of these routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Runfold",
            "version": VERSION,
            "description": "Runs of LLM agents: ask for them, follow them, steer them. A run that "
            "was acknowledged is durable. Every refusal is a problem of RFC 9457 with a `code` "
            "that never changes (`/problems`).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(routes),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key. Scopes: "
                    + "; ".join(f"`{name}` to {what}" for name, what in GRANTS.items())
                    + ".",
                }
            },
        },
    }


def codes_of(route: Route) -> tuple[str, ...]:
    """Return every code that a route can answer with."""
    found = [*route.problems, *_EVERY]
    if route.scope is not None:
        found += [*_WITH_KEY, "unavailable"]
    if route.body is not None:
        found += _WITH_BODY
    elif route.method != "GET":
        found += ["malformed", "too_large", "too_slow"]
    return tuple(code for code in CODES if code in found)


def _operation(route: Route) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": (route.endpoint.__doc__ or "").strip(),
        "parameters": [
            *_in_path(route.path),
            *(_parameter(each) for each in (*route.parameters, _VERSIONED)),
        ],
        "responses": {**_answers(route), **_problems(route)},
        "security": [] if route.scope is None else [{"key": []}],
    }
    if route.deprecated is not None:
        said["deprecated"] = True
        said["x-sunset"] = route.deprecated.sunset.isoformat()
    if route.scope:
        said["x-runfold-scope"] = route.scope
    if route.body is not None:
        needed = any(each.is_required() for each in route.body.model_fields.values())
        said["requestBody"] = {
            "required": needed,
            "content": {"application/json": {"schema": _ref(route.body)}},
        }
    elif route.uploads:
        octets = {"schema": {"type": "string", "format": "binary"}}
        said["requestBody"] = {
            "required": True,
            "description": "The bytes as they are, of any media type.",
            "content": {"application/octet-stream": octets},
        }
    elif route.raw:
        said["requestBody"] = {"required": True, "content": {route.raw: {"schema": {}}}}
    return said


def _in_path(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", path):
        about = "The run's id, with or without `run_` before it." if name == "run_id" else name
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": about,
            "schema": {"type": "string"},
        }


def _parameter(one: Parameter) -> dict[str, Any]:
    return {
        "name": one.name,
        "in": one.place,
        "required": False,
        "description": one.about,
        "schema": dict(one.schema),
    }


def _answers(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, model in route.answers.items():
        said: dict[str, Any] = {"description": _MEANINGS[status], "headers": _headers()}
        if model is not None:
            said["content"] = {"application/json": {"schema": _ref(model)}}
            if route.streams:
                said["content"]["text/event-stream"] = {"schema": {"type": "string"}}
        elif status in {200, 206}:
            kinds = ("text/event-stream",) if route.streams else route.gives
            said["content"] = {kind: {"schema": _whole(kind)} for kind in kinds}
        found[str(status)] = said
    return found


def _whole(kind: str) -> dict[str, str]:
    """Return the schema of an answer of a media type that has no model."""
    if kind == JSON:
        return {"type": "object"}
    if kind.startswith("text/"):
        return {"type": "string"}
    return {"type": "string", "format": "binary"}


_MEANINGS = {
    200: "Done",
    201: "Made",
    202: "It is durable, and its outcome is not on record yet",
    204: "Nothing comes any more",
    206: "A part of it",
    304: "Nothing has changed",
}


def _within(title: str) -> str:
    """Return a title as it stands within a sentence: names and short forms as they are."""
    first = title.split(maxsplit=1)[0]
    return title if first[1:] != first[1:].lower() else title[0].lower() + title[1:]


def _problems(route: Route) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in codes_of(route):
        by_status.setdefault(CODES[code].status, []).append(code)
    return {
        str(status): {
            "description": "; ".join(f"`{code}`: {_within(CODES[code].title)}" for code in codes),
            "headers": _headers(),
            "content": {
                MEDIA_TYPE: {
                    "schema": {
                        "allOf": [
                            {"$ref": _REF.format(model="Problem")},
                            {"properties": {"code": {"enum": codes}}},
                        ]
                    }
                }
            },
        }
        for status, codes in sorted(by_status.items())
    }


def _headers() -> dict[str, Any]:
    return {
        name: {"description": about, "schema": {"type": "string"}}
        for name, about in _HEADERS.items()
    }


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _schemas(routes: Sequence[Route]) -> dict[str, Any]:
    taken = {route.body for route in routes if route.body is not None}
    given = {model for route in routes for model in route.answers.values() if model is not None}
    asked: list[tuple[type[BaseModel], Any]] = [(model, "validation") for model in taken]
    asked += [(model, "serialization") for model in given]
    asked.sort(key=lambda each: each[0].__name__)
    _, found = models_json_schema(asked, ref_template=_REF)
    schemas: dict[str, Any] = dict(found.get("$defs", {}))
    return {**schemas, "Problem": _problem()}


def _problem() -> Mapping[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "A request that is refused, as RFC 9457 has it.",
        "required": [
            "type", "title", "status", "detail", "instance", "code", "retryable", "request_id",
        ],
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "detail": {**text, "description": "One sentence that says what to do."},
            "instance": text,
            "code": {**text, "enum": list(CODES)},
            "retryable": {"type": "boolean"},
            "run_id": {"type": ["string", "null"]},
            "request_id": text,
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "detail"],
                    "properties": {"pointer": text, "detail": text},
                },
            },
        },
    }  # fmt: skip
