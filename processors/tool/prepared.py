"""What a tool call needs before it is made: found, checked and held, and nothing done yet."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from runfold.events.calls import ToolWork
from runfold.events.definitions import ToolContract
from runfold.infra.artifacts.port import ArtifactStore
from runfold.processors.tool.beginning.rate_limit import Turn
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.implementations import Found
from runfold.processors.tool.masked_artifacts import MaskedArtifacts


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a call needs; ``claimed`` is told that claims are there."""

    contract: ToolContract
    arguments: Mapping[str, Any]
    found: Found
    secrets: Mapping[str, str]
    turn: Turn
    claimed: Callable[[], object] = lambda: None

    def context(
        self, work: ToolWork, artifacts: ArtifactStore, masks: Sequence[str]
    ) -> ToolContext:
        """Return what the tool is given beside its arguments; its time begins now."""
        return ToolContext(
            run_id=work.run_id,
            tenant_id=work.tenant_id,
            user_id=work.user_id,
            call_id=work.call_id,
            attempt=work.attempt,
            idempotency_key=work.idempotency_key,
            deadline=datetime.now(UTC) + timedelta(milliseconds=work.timeout_ms),
            artifacts=MaskedArtifacts(artifacts, (*self.secrets.values(), *masks)),
            config=self.contract.config,
            secrets=self.secrets,
            response_profile=json.loads(work.profile) if work.profile else {},
        )
