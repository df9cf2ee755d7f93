"""Which version of the protocol a request is of; where it says another, what to send instead."""

from __future__ import annotations

import re
from typing import Any, Final

from a2a.server.routes.jsonrpc_dispatcher import JsonRpcDispatcher
from a2a.utils.error_handlers import build_rest_error_payload
from a2a.utils.errors import A2A_ERROR_MAPPING, VersionNotSupportedError
from starlette.requests import Request
from starlette.responses import JSONResponse

HEADER: Final = "a2a-version"

_NOT_SUPPORTED: Final = -32009
_METHODS: Final = frozenset(JsonRpcDispatcher.METHOD_TO_MODEL)
_OLD_PREFIX: Final = "/v1/"
_PATHS: Final = (
    ("/message:", ("POST",)),
    ("/tasks", ("GET", "POST", "DELETE")),
    ("/extendedAgentCard", ("GET",)),
)
"""What paths of 1.0 begin with, and how they are asked: any other method is refused as such."""

_ONE: Final = re.compile(r"1(?:\.0(?:\.\d{1,9})?)?")
_OLD: Final = re.compile(r"0\.\d{1,9}(?:\.\d{1,9})?")


def wrong_version(request: Request, rest: str, found: Any) -> JSONResponse | None:
    """Return the error of a request whose version is not that of what it asks for, else None.

    ``rest`` is the path below the agent's, ``found`` the body. Without the header a request is one
    of 0.3, as the protocol has it.
    """
    said = request.headers.get(HEADER) or ""
    if rest == "/":
        why = _of_method(said, found.get("method") if isinstance(found, dict) else None)
        return _rpc(found, why) if why else None
    why = _of_path(said, request.method, rest)
    return _rest(why) if why else None


def _of_method(said: str, method: Any) -> str:
    if not isinstance(method, str):
        return ""
    if method in _METHODS and not _ONE.fullmatch(said):
        return f"{method} is a method of A2A 1.0, and {_is(said)}: send the header A2A-Version: 1.0"
    if "/" in method and said and not _OLD.fullmatch(said):
        return (
            f"Methods such as message/send are those of A2A 0.3, and {_is(said)}: leave the header "
            "A2A-Version out, or send a method of 1.0 such as SendMessage"
        )
    return ""


def _of_path(said: str, method: str, rest: str) -> str:
    if rest.startswith(_OLD_PREFIX):
        if not said or _OLD.fullmatch(said):
            return ""
        return (
            f"Paths below {_OLD_PREFIX} are those of A2A 0.3, and {_is(said)}: leave the header "
            "A2A-Version out, or leave /v1 out of the path"
        )
    # Bytes of artifacts are no operation of the protocol: their address is all that is needed.
    known = any(rest.startswith(begin) and method in methods for begin, methods in _PATHS)
    if known and "/artifacts/" not in rest and not _ONE.fullmatch(said):
        return f"This path is one of A2A 1.0, and {_is(said)}: send the header A2A-Version: 1.0"
    return ""


def _is(said: str) -> str:
    if not said:
        return "a request without a version is one of 0.3"
    return f"this request says that it is one of {said[:20]!a}"


def _rpc(found: Any, why: str) -> JSONResponse:
    known = found.get("id")
    number = known if isinstance(known, str | int) and not isinstance(known, bool) else None
    error = {"code": _NOT_SUPPORTED, "message": f"{why}."}
    return JSONResponse({"jsonrpc": "2.0", "id": number, "error": error})


def _rest(why: str) -> JSONResponse:
    status = A2A_ERROR_MAPPING[VersionNotSupportedError].http_code
    payload = build_rest_error_payload(VersionNotSupportedError(message=f"{why}."))
    return JSONResponse(payload, status, media_type="application/json")
