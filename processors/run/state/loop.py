"""The agent loop: a model is called, its answer opens a round of calls, their replies go back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from runfold.events.calls import Message
from runfold.events.content import Content
from runfold.events.run import DecisionRecord
from runfold.events.values import Plan
from runfold.processors.run.state.calls import Call, ModelCall


@dataclass(frozen=True)
class Context:
    """What the model sees: messages in order, with a rolling digest over all of them."""

    instructions: Content | None = None
    messages: tuple[Message, ...] = ()
    digest: bytes = bytes(32)
    token_estimate: int = 0


@dataclass(frozen=True)
class AgentLoop:
    """Where the loop stands: the context, the model call that is out, the round of its answer.

    ``answered_by`` and ``decision`` are the last answer's; ``repeats`` counts identical proposals;
    ``malformed`` counts unusable answers in a row.
    """

    context: Context = Context()
    model_call: ModelCall | None = None
    calls: tuple[Call, ...] = ()
    answered_by: str | None = None
    decision: DecisionRecord | None = None
    plan: Plan | None = None
    repeats: Mapping[bytes, int] = field(default_factory=lambda: MappingProxyType({}))
    malformed: int = 0

    def call(self, call_id: str) -> Call | None:
        """Return the call of the current round with this id."""
        return next((call for call in self.calls if call.call_id == call_id), None)
