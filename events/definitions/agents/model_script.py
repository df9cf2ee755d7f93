"""The script of the scripted model; on the wire its kind is ``playbook``."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from runfold.events.definitions.base import Definition


class ScriptTurn(BaseModel):
    """One answer of the scripted model: text and tool calls, or an error to raise.

    ``when`` is an optional condition on the context (see docs/definitions.md); ``calls`` are
    ``{name, arguments}``; strings may use ``{{ … }}`` to quote the goal and earlier results.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: dict[str, Any] | None = None
    text: str | None = None
    calls: tuple[dict[str, Any], ...] = ()
    error: dict[str, Any] | None = None
    delay_ms: int = 0
    usage: dict[str, int] | None = None


class ModelScript(Definition):
    """A deterministic script that stands in for a model; always shown as scripted."""

    description: str = ""
    turns: tuple[ScriptTurn, ...]
