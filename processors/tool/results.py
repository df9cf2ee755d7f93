"""What a tool returned, made into what the log carries: canonical JSON, or a pointer to it."""

from __future__ import annotations

import hashlib

from pydantic_core import PydanticSerializationError, to_jsonable_python

from runfold.events.contents.content import JSON, Content, canonical_json, json_content
from runfold.infra.artifacts.errors import ArtifactsUnavailableError
from runfold.infra.artifacts.port import ArtifactStore
from runfold.processors.tool.errors import UnusableResultError

INLINE_BYTES = 64_000
"""The largest result, in bytes of JSON, that goes to the model and the log as it is."""

HARD_CAP_BYTES = 5 * 1024 * 1024
"""The largest result that is kept at all."""

_HEAD_CHARS = 3000
_TAIL_CHARS = 1000


def jsonable(value: object) -> object:
    """Return a tool's result as plain JSON values; raises UnusableResultError for rubbish."""
    try:
        return to_jsonable_python(value, inf_nan_mode="constants")
    except (PydanticSerializationError, ValueError, RecursionError, UnicodeError) as error:
        raise _no_json(value) from error


def as_text(value: object) -> str:
    """Return plain values as canonical JSON; raises UnusableResultError for NaN and the like."""
    try:
        said = canonical_json(value)
        said.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise _no_json(value) from error
    return said


def inline(said: str, limit: int) -> Content | None:
    """Return a result as it goes to the model, or None if it is larger than ``limit`` bytes."""
    data = said.encode()
    if len(data) > min(limit, INLINE_BYTES):
        return None
    return Content(
        media_type=JSON, size=len(data), digest=hashlib.sha256(data).digest(), inline=data
    )


def kept_apart(said: str, artifacts: ArtifactStore, tenant_id: str) -> Content:
    """Keep a large result as an artifact and return what a model may read of it; blocks.

    The content is inline JSON
    ``{"artifact", "size", "sha256", "excerpt", "note"}``: the artifact holds the whole, the
    excerpt its beginning and end. Raises UnusableResultError beyond ``HARD_CAP_BYTES``, or if the
    store does not take it.
    """
    data = said.encode()
    if len(data) > HARD_CAP_BYTES:
        raise too_large(len(data))
    try:
        kept = artifacts.put(data, JSON, tenant_id)
    except ArtifactsUnavailableError as error:
        raise UnusableResultError(
            "unavailable",
            f"The result is large and could not be kept: {error}.",
            "Make room for artifacts, or ask for less at once.",
        ) from error
    return json_content(
        {
            "artifact": kept.ref,
            "size": kept.size,
            "sha256": kept.digest.hex(),
            "excerpt": f"{said[:_HEAD_CHARS]} … {said[-_TAIL_CHARS:]}",
            "note": "The result is large. The excerpt shows its beginning and its end as JSON "
            "text; the artifact holds all of it. Ask for less to see more of it.",
        }
    )


def too_large(size: int) -> UnusableResultError:
    """Return why a result of so many bytes cannot be used."""
    return UnusableResultError(
        "too_large",
        f"The result has {size} bytes; {HARD_CAP_BYTES} are kept at most.",
        "Ask for less at once.",
    )


def _no_json(value: object) -> UnusableResultError:
    return UnusableResultError(
        "invalid_result",
        f"The tool returned {type(value).__name__}, which cannot be written as JSON.",
        "Mend the tool: it must return JSON values.",
    )
