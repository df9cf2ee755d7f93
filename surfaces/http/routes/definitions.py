"""Definitions: what a tenant sees of them, and what it publishes and decides for itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from runfold.processors.definitions.publisher import Report
from runfold.surfaces.application import shapes
from runfold.surfaces.application.governing.definitions import (
    KINDS_SHOWN,
    Governing,
    Who,
    list_definitions,
    read_definitions,
    show_definition,
    shown_key,
)
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.access.identity import Caller
from runfold.surfaces.http.gateway import Publish
from runfold.surfaces.http.reading.contents import plain
from runfold.surfaces.http.refusals.problems import Problem, problem_of
from runfold.surfaces.http.route import Call, Parameter, Route, answered

_MOST = 100


class Manifests(BaseModel):
    """Manifests as JSON: what a YAML file of each would hold. They belong to the key's tenant.

    They cannot refer to variables of an environment, nor declare Python tools. `accept_remarks` is
    the consent to what is not honoured although it was to protect somebody: refused without it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    manifests: tuple[dict[str, Any], ...] = Field(min_length=1, max_length=_MOST)
    accept_remarks: bool = False


class Decision(BaseModel):
    """Why it is decided; it is on record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = Field(default="", max_length=10_000)


async def listed(call: Call[None]) -> Response:
    """List versions with their state."""
    kind, tenant = call.text("kind"), call.caller.tenant_id

    await call.gateway.note_read(call.caller, "GET /definitions")

    def ask() -> list[shapes.DefinitionRow]:
        return list_definitions(read_definitions(call.gateway.reader), kind, tenant)

    return answered(shapes.DefinitionList(definitions=tuple(await asyncio.to_thread(ask))))


async def shown(call: Call[None]) -> Response:
    """Show a version with its content: `name`, `name@version`, or what a name stands for."""
    await call.gateway.note_read(call.caller, "GET /definitions/{kind}/{name}")
    return await _shown(call, _reference(call))


async def publish(call: Call[Manifests]) -> Response:
    """Publish what manifests declare, each version once; it never changes."""
    publishing = call.gateway.publish
    if publishing is None:
        raise Problem("unavailable", "Nothing can be published here.")
    return await asyncio.to_thread(_published, publishing, call.caller, call.body)


def _published(publishing: Publish, caller: Caller, body: Manifests) -> Response:
    return published(publishing, caller, body.manifests, accept_remarks=body.accept_remarks)


def published(
    publishing: Publish,
    caller: Caller,
    manifests: Sequence[dict[str, Any]],
    *,
    accept_remarks: bool = False,
) -> Response:
    """Publish manifests for a caller's tenant and return the answer; raises Problem."""
    with TemporaryDirectory(prefix="manifests-") as folder:
        for number, manifest in enumerate(manifests, 1):
            file = Path(folder) / f"{number}.yaml"
            file.write_text(as_yaml(manifest, f"/manifests/{number - 1}"), encoding="utf-8")
        who = (caller.user_id, caller.roles, caller.tenant_id, accept_remarks)
        try:
            report, remarks = publishing(Path(folder), *who)
        except Exception as error:
            problem = problem_of(error)
            problem.detail = problem.detail.replace(f"{folder}/", "manifest ")
            raise problem from error
        notes = tuple(str(each).replace(f"{folder}/", "manifest ") for each in remarks)
    if report.refused:
        raise _refused(report)
    said = shapes.Published(
        published=tuple(shown_key(key) for key in report.published),
        unchanged=tuple(shown_key(key) for key in report.unchanged),
        remarks=notes,
    )
    return answered(said, 201 if report.published else 200)


def as_yaml(manifest: dict[str, Any], where: str) -> str:
    """Return a manifest as one line of YAML, without anchors and tags; raises Problem.

    It is JSON, but for characters that JSON would write as two halves: YAML reads each for itself.
    """
    text = json.dumps(plain(manifest), ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Problem("invalid", f"{where}: it holds half a character.") from None
    return "".join(each if " " <= each <= "~" else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _refused(report: Report) -> Problem:
    errors = tuple(
        {"pointer": shown_key(each.key), "detail": each.reason} for each in report.refused
    )
    first = errors[0]
    detail = f"{first['pointer']}: {first['detail'].rstrip('.')}."
    return Problem("invalid", detail, errors=errors)


async def release(call: Call[Decision]) -> Response:
    """Make a version the one that its name stands for."""
    return await _decided(call, lambda governing, text: governing.release(text))


async def retire(call: Call[Decision]) -> Response:
    """Let no name stand for a version any more; who names it still gets it."""
    return await _decided(call, lambda governing, text: governing.retire(text))


async def _decided(call: Call[Decision], decide: Any) -> Response:
    text, caller = _reference(call), call.caller
    who = Who(caller.user_id, call.body.reason, caller.roles)
    governing = Governing(call.gateway.reader, call.gateway.writer, who, caller.tenant_id)
    await asyncio.to_thread(decide, governing, text)
    return await _shown(call, text)


async def _shown(call: Call[Any], text: str) -> Response:
    def ask() -> shapes.DefinitionDetail:
        known = read_definitions(call.gateway.reader)
        return show_definition(known, text, call.caller.tenant_id)

    found = await asyncio.to_thread(ask)
    return answered(found, headers={"etag": f'"{found.digest[:32]}.{found.position}"'})


def _reference(call: Call[Any]) -> str:
    return f"{call.path('kind')}/{call.path('name')}"


_PATH = "/definitions/{kind}/{name}"
_ERRORS = ("invalid", "not_found", "ambiguous", "unavailable")

ROUTES = (
    Route(
        "GET", "/definitions", "list_definitions", "See what is published",
        identity.DEFINITIONS_READ, listed, {200: shapes.DefinitionList}, None,
        (Parameter("kind", f"Only of this kind: {KINDS_SHOWN}."),),
        ("invalid", "unavailable"),
    ),
    Route(
        "POST", "/definitions", "publish_definitions", "Publish definitions for the key's tenant",
        identity.DEFINITIONS_WRITE, publish, {201: shapes.Published, 200: shapes.Published},
        Manifests, (), ("invalid", "unavailable"),
    ),
    Route(
        "GET", _PATH, "get_definition", "See one with its content",
        identity.DEFINITIONS_READ, shown, {200: shapes.DefinitionDetail}, problems=_ERRORS,
    ),
    Route(
        "POST", f"{_PATH}/release", "release_definition", "Make a version the live one",
        identity.DEFINITIONS_WRITE, release, {200: shapes.DefinitionDetail}, Decision, (), _ERRORS,
    ),
    Route(
        "POST", f"{_PATH}/retire", "retire_definition", "Let no name stand for a version any more",
        identity.DEFINITIONS_WRITE, retire, {200: shapes.DefinitionDetail}, Decision, (), _ERRORS,
    ),
)  # fmt: skip
