"""What went wrong, in the words of the protocol; what is HTTP's to say is left to HTTP."""

from __future__ import annotations

import logging
from typing import Final

from a2a.utils.errors import (
    A2AError,
    InternalError,
    InvalidParamsError,
    TaskNotFoundError,
    UnsupportedOperationError,
)

from runfold.surfaces.a2a.calling import Call
from runfold.surfaces.http.refusals.problems import problem_of

_log = logging.getLogger("runfold.gateway")

_KINDS: Final[dict[str, type[A2AError]]] = {
    "not_found": TaskNotFoundError,
    "run_ended": UnsupportedOperationError,
    "invalid": InvalidParamsError,
    "usage": InvalidParamsError,
    "malformed": InvalidParamsError,
    "ambiguous": InvalidParamsError,
    "other_request": InvalidParamsError,
    "cursor_malformed": InvalidParamsError,
}


def refusal_of(error: Exception, call: Call) -> A2AError:
    """Return an error of the protocol for any error.

    What a caller does about it by HTTP (another key, a later time) is noted in the call: it is then
    answered as a problem, with its status.
    """
    if isinstance(error, A2AError):
        return error
    problem = problem_of(error)
    kind = _KINDS.get(problem.code)
    if kind is None:
        if problem.code == "internal":
            request_id = call.caller.request_id
            _log.error("a request failed", exc_info=error, extra={"request_id": request_id})
        call.problem = problem
        return InternalError(problem.detail, {"code": problem.code})
    return kind(problem.detail, {"code": problem.code})
