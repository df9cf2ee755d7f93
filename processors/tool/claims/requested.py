"""What is claimed for a tool call."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from runfold.events.calls import ToolWork
from runfold.events.contents.content import canonical_json
from runfold.events.definitions import ToolContract
from runfold.processors.tool.claims.port import ClaimRequest


def claim_request(
    work: ToolWork, contract: ToolContract, arguments: Mapping[str, Any]
) -> ClaimRequest:
    """Return the claim that a call needs, under its tenant and its idempotency key."""
    return ClaimRequest(
        tool=contract.name,
        tool_version=contract.version,
        idempotency_key=work.idempotency_key,
        tenant_id=work.tenant_id,
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        arguments_digest=hashlib.sha256(canonical_json(arguments).encode()).digest(),
        safe_to_repeat=contract.safe_to_repeat,
        cleared=work.cleared,
    )
