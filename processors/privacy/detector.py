"""What finds personal data and secrets in a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from runfold.events.definitions.agents.redaction import RedactedKind


class Span(NamedTuple):
    """A part of a text, in characters, ``end`` not included, and what it is."""

    kind: RedactedKind
    start: int
    end: int


class Detector(Protocol):
    """Finds what is personal or secret; it is deterministic, so that tokens stay the same."""

    def scan(self, text: str) -> Sequence[Span]:
        """Return what was found, in any order; parts may overlap."""
        ...
