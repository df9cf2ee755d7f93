"""A call as a message to a child, on both sides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runfold.infra.artifacts.port import ArtifactStore
from runfold.infra.process.frames import Frame, json_text
from runfold.processors.tool.context import ToolContext


@dataclass(frozen=True, slots=True)
class Asked:
    """What the parent wants; ``reconciles`` asks whether the call has happened."""

    function: str
    reconciles: bool
    arguments: Mapping[str, Any]
    context: ToolContext


def sent(function: str, arguments: Mapping[str, Any] | None, context: ToolContext) -> Frame:
    """Return the message that asks for a call, or about one where there are no arguments."""
    said = {
        "arguments": arguments,
        "context": {
            "run_id": context.run_id,
            "tenant_id": context.tenant_id,
            "user_id": context.user_id,
            "call_id": context.call_id,
            "attempt": context.attempt,
            "idempotency_key": context.idempotency_key,
            "deadline": context.deadline.isoformat(),
            "config": dict(context.config),
            "secrets": dict(context.secrets),
            "response_profile": dict(context.response_profile),
        },
    }
    head = {"kind": "call" if arguments is not None else "ask", "function": function}
    return Frame(head, json_text(said).encode())


def asked(frame: Frame, artifacts: ArtifactStore) -> Asked:
    """Return what a message asks for."""
    said = json.loads(frame.body)
    context = said["context"]
    context["deadline"] = datetime.fromisoformat(context["deadline"])
    return Asked(
        frame.text("function"),
        frame.kind == "ask",
        said["arguments"] or {},
        ToolContext(**context, artifacts=artifacts),
    )
