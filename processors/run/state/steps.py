"""Where the steps of a flow stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from runfold.events.contents.content import Content
from runfold.events.run import StepOutcome


@dataclass(frozen=True)
class Step:
    """A step: by which call it is made, how it ended, with what."""

    attempt: int = 0
    call_id: str | None = None
    outcome: StepOutcome | None = None
    result: Content | None = None

    @property
    def is_over(self) -> bool:
        """Whether it ended for good."""
        return self.outcome not in {None, StepOutcome.RETRIED}

    @property
    def is_out(self) -> bool:
        """Whether its call is open."""
        return self.call_id is not None


@dataclass(frozen=True)
class FlowState:
    """Every step, in the order of the graph's writing."""

    steps: Mapping[str, Step] = field(default_factory=lambda: MappingProxyType({}))
