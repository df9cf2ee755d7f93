"""Problems as RFC 9457 has them: one sentence that says what to do, and a code for programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from runfold.surfaces.application.errors import InDoubtError
from runfold.surfaces.application.faults import Code, fault_of
from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.http.refusals.codes import CODES

MEDIA_TYPE = "application/problem+json"
_RUN_IN_PATH = re.compile(r"^/runs/(?:run_)?([0-9a-f-]{36})(?:/|$)")


@dataclass(slots=True)
class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """A request that is refused; ``code`` is one of ``CODES``."""

    code: str
    detail: str
    run_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[Mapping[str, str], ...] = ()


def problem_of(error: Exception) -> Problem:
    """Return what an error means to whoever asked; one that nobody expected says nothing more."""
    if isinstance(error, Problem):
        return error
    fault = fault_of(error)
    if fault.code is Code.INTERNAL:
        # What it is stands in the log: it may hold what no caller may see.
        return Problem(Code.INTERNAL.value, "This is a bug in Runfold: the log says where.")
    run_id = error.run_id if isinstance(error, InDoubtError) else None
    headers = {"retry-after": "1"} if fault.retryable else {}
    return Problem(fault.code.value, fault.sentence, run_id, headers)


def run_in(path: str) -> str | None:
    """Return the run that a path is about, None where it is about none."""
    found = _RUN_IN_PATH.match(path)
    return found[1] if found else None


def answer(problem: Problem, path: str, request_id: str) -> Response:
    """Return a problem as an answer to the request for a path."""
    kind = CODES[problem.code]
    said: dict[str, Any] = {
        "type": f"/problems#{problem.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        "instance": path,
        "code": problem.code,
        "retryable": kind.retryable,
        "run_id": problem.run_id or run_in(path),
        "request_id": request_id,
    }
    if problem.errors:
        said["errors"] = list(problem.errors)
    return Response(to_json(_whole(said)), kind.status, dict(problem.headers), MEDIA_TYPE)


def _whole(said: Any) -> Any:
    """Return what is said without halves of characters, which a request may hold: JSON has none."""
    match said:
        case str():
            return said.encode("utf-8", "replace").decode()
        case dict():
            return {name: _whole(held) for name, held in said.items()}
        case list() | tuple():
            return [_whole(each) for each in said]
        case _:
            return said
