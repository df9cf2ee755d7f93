"""A route: one row of the table that the server, its document and its tests are made from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.http.access.identity import Caller
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.http.versions import Deprecated

B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query or a header, with its JSON Schema."""

    name: str
    about: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    place: str = "query"


@dataclass(frozen=True, slots=True)
class Call(Generic[B]):
    """A request that was let in, with its body as the route's model."""

    request: Request
    gateway: Gateway
    caller: Caller
    body: B

    def path(self, name: str) -> str:
        """Return a part of the path; an id of a run without ``run_`` before it."""
        found: str = self.request.path_params[name]
        return found.lower().removeprefix("run_") if name == "run_id" else found

    def text(self, name: str) -> str | None:
        """Return a parameter of the query, None where it is not there; raises Problem."""
        found = self.request.query_params.getlist(name)
        if len(found) > 1:
            raise Problem("malformed", f"The parameter {name} comes {len(found)} times.")
        return found[0] if found else None

    def moment(self, name: str) -> datetime | None:
        """Return a moment of the query, in UTC unless it says otherwise; raises Problem."""
        found = self.text(name)
        if found is None:
            return None
        try:
            moment = datetime.fromisoformat(found)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        except ValueError:
            raise Problem(
                "malformed", f"The parameter {name} must be a moment such as 2026-11-30T12:00Z."
            ) from None

    def number(self, name: str, otherwise: int, least: int, most: int) -> int:
        """Return a number of the query between two; raises Problem."""
        found = self.text(name)
        if found is None:
            return otherwise
        if (
            found.isascii()
            and found.isdecimal()
            and len(found) < 19
            and least <= int(found) <= most
        ):
            return int(found)
        raise Problem("malformed", f"The parameter {name} must be a number from {least} to {most}.")


Endpoint = Callable[[Call[Any]], Awaitable[Response]]

NO_SCOPE = ""
"""The scope of routes that any key may use."""


@dataclass(frozen=True, slots=True)
class Route:
    """``scope`` is what a key must grant, None where nobody needs a key.

    ``answers`` are the models of what it answers by status, None for a body that has none;
    ``problems`` are the codes of its own, beside those that every route has. What ``uploads`` is
    bytes, which the endpoint reads as they come; ``raw`` is the media type of a body that is given
    as its bytes: what is signed must not be read and written again. ``gives`` are the media types
    of answers that have no model. ``deprecated`` says until when a route is there that is to go.
    """

    method: str
    path: str
    name: str
    summary: str
    scope: str | None
    endpoint: Endpoint
    answers: Mapping[int, type[BaseModel] | None]
    body: type[BaseModel] | None = None
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[str, ...] = ()
    streams: bool = False
    uploads: bool = False
    gives: tuple[str, ...] = ("application/json",)
    deprecated: Deprecated | None = None
    raw: str = ""


def answered(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a shape, or a tree of them, as the answer."""
    return Response(to_json(value), status, dict(headers or {}), "application/json")
