"""What a tool may know of the call it serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runfold.infra.artifacts.port import ArtifactStore
from runfold.processors.tool.errors import ToolRefusedError


@dataclass(frozen=True, slots=True)
class ToolContext:
    """The call, its setting and its means.

    ``idempotency_key`` is the same for every attempt of one call: pass it on to whatever the tool
    calls. ``deadline`` is when the result is no longer waited for. ``config`` is the contract's.
    ``secrets`` holds the values of the names that the contract lists under ``auth`` [98].
    ``response_profile`` says how the run's answers are given: the fields of a ``ResponseProfile``,
    empty where it has none [65].
    """

    run_id: str
    tenant_id: str
    user_id: str
    call_id: str
    attempt: int
    idempotency_key: str
    deadline: datetime
    artifacts: ArtifactStore
    config: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    response_profile: Mapping[str, Any] = field(default_factory=dict)

    def secret(self, name: str) -> str:
        """Return a secret's value; raises ToolRefusedError if the contract does not list it."""
        try:
            return self.secrets[name]
        except KeyError:
            raise ToolRefusedError(
                f"The tool asked for the secret {name!r}, which its contract does not list.",
                error_type="denied",
                suggested_next_action="List it under auth in the tool's contract.",
            ) from None
