"""What came of a call in a child, as a message: nothing that a tool raises stays unsaid."""

from __future__ import annotations

from typing import Any

from runfold.infra.logging.json_lines import frames
from runfold.infra.process.frames import Frame
from runfold.processors.tool.errors import ToolRefusedError, UnusableResultError
from runfold.processors.tool.execution import PASSING, first_line
from runfold.processors.tool.results import HARD_CAP_BYTES, as_text, jsonable, too_large

_MOST_FRAMES = 30


def returned(value: object) -> Frame:
    """Return a tool's result; raises UnusableResultError for what is not JSON."""
    said = as_text(jsonable(value)).encode()
    if len(said) > HARD_CAP_BYTES:
        raise too_large(len(said))
    return Frame({"kind": "result"}, said)


def raised(error: BaseException) -> Frame:
    """Return what a tool raised; it never raises itself, whatever the exception's class does."""
    if isinstance(error, ToolRefusedError):
        return Frame({"kind": "refused", "info": _info(error)})
    if isinstance(error, UnusableResultError):
        return Frame({"kind": "unusable", "info": _info(error)})
    try:
        passed = frames(error)[-_MOST_FRAMES:]
    except Exception:  # noqa: BLE001 - frames are a help to people, no more
        passed = []
    return Frame(
        {
            "kind": "raised",
            "type": type(error).__name__[:200],
            "message": first_line(error),
            "passing": isinstance(error, PASSING),
            "frames": [each[:300] for each in passed],
        }
    )


def _info(error: ToolRefusedError | UnusableResultError) -> dict[str, Any]:
    try:
        said: dict[str, Any] = error.info.model_dump(mode="json")
    except Exception:  # noqa: BLE001 - a tool may put anything into its own exception
        return {"error_type": "tool_error", "message": first_line(error)}
    return {name: value[:4000] if isinstance(value, str) else value for name, value in said.items()}
