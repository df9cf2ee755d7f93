"""What an agent hides from its models."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from runfold.events.values import DataClassification

RedactedKind = Literal["secret", "email", "iban", "card", "ssn", "phone", "ip"]

KINDS: tuple[RedactedKind, ...] = get_args(RedactedKind)
"""Everything that can be hidden; where two kinds are found in one place, the first counts."""

Classified = Literal["public", "internal", "confidential", "restricted"]

_RANKS: tuple[str, ...] = get_args(Classified)


class Redaction(BaseModel):
    """Which kinds are hidden behind tokens before a model reads them, and in which runs.

    ``from_classification`` is the least data classification of a run for which it is done.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: tuple[RedactedKind, ...] = Field(default=KINDS, min_length=1)
    from_classification: Classified = "public"

    def of(self, classification: DataClassification) -> tuple[RedactedKind, ...]:
        """Return what is hidden in a run so classified; what is not known counts as highest."""
        said = classification.value
        rank = _RANKS.index(said) if said in _RANKS else len(_RANKS)
        return self.kinds if rank >= _RANKS.index(self.from_classification) else ()
