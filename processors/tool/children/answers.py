"""What a child's answer means. It comes from a process that runs code of others: all is checked."""

from __future__ import annotations

import json
from typing import Any

from runfold.infra.process.frames import Frame
from runfold.processors.tool.errors import ToolRaisedError, ToolRefusedError, UnusableResultError

_MOST_RETRY_MS = 24 * 3600 * 1000
_MOST_FRAMES = 30


def value_of(frame: Frame) -> object:
    """Return a call's result, as JSON values; raises ToolError for any other answer."""
    match frame.kind:
        case "result":
            return _result(frame.body)
        case "refused":
            raise _refused(frame.head.get("info"))
        case "unusable":
            info = _fields(frame.head.get("info"))
            raise UnusableResultError(
                _text(info, "error_type", "invalid_result"),
                _text(info, "message", "The result cannot be used."),
                _text(info, "suggested_next_action", "Mend the tool."),
            )
        case "raised":
            passed = frame.head.get("frames")
            shown = passed[:_MOST_FRAMES] if isinstance(passed, list) else []
            raise ToolRaisedError(
                frame.text("type", 200) or "Exception",
                frame.text("message"),
                passing=frame.head.get("passing") is True,
                frames=tuple(str(each)[:300] for each in shown),
            )
        case _:
            why = "the process of the tool gave no answer"
            raise ToolRaisedError("ProtocolError", why, passing=False, frames=())


def _result(body: bytes) -> object:
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UnusableResultError(
            "invalid_result", "The result is not JSON.", "Mend the tool: it must return JSON."
        ) from error


def _no_number(name: str) -> object:
    raise ValueError(name)


def _refused(said: object) -> ToolRefusedError:
    info = _fields(said)
    after = info.get("retry_after_ms")
    if not isinstance(after, int) or isinstance(after, bool) or after < 0:
        after = None
    return ToolRefusedError(
        _text(info, "message", "The tool refused the call."),
        error_type=_text(info, "error_type", "tool_error"),
        retryable=info.get("retryable") is True,
        retry_after_ms=None if after is None else min(after, _MOST_RETRY_MS),
        suggested_next_action=_text(info, "suggested_next_action", "") or None,
    )


def _fields(said: object) -> dict[str, Any]:
    return said if isinstance(said, dict) else {}


def _text(info: dict[str, Any], name: str, otherwise: str) -> str:
    value = info.get(name)
    return value[:4000] if isinstance(value, str) and value else otherwise
