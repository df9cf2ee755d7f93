"""What every definition has: a name, a version, a body that never changes under them."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel, ConfigDict, Field

from runfold.events.contents.content import canonical_json


class Definition(BaseModel):
    """Something with a name and a version whose content never changes under that version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str

    def body(self) -> str:
        """Return the canonical JSON that is published."""
        return canonical_json(self.model_dump(mode="json"))

    def digest(self) -> bytes:
        """Return the sha256 of the body."""
        return hashlib.sha256(self.body().encode()).digest()


class RetryPolicy(BaseModel):
    """Bounded attempts with exponential back-off; ``max_attempts`` counts the first one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_attempts: int = Field(default=3, ge=1, le=20)
    initial_ms: int = Field(default=500, ge=0)
    multiplier: float = Field(default=2.0, ge=1.0)
    max_ms: int = Field(default=30_000, ge=0)

    def delay_ms(self, attempt: int) -> int:
        """Return the pause in milliseconds before attempt ``attempt`` (2 is the first retry)."""
        return int(min(self.max_ms, self.initial_ms * self.multiplier ** max(0, attempt - 2)))
