"""The agent loop: a model is called, its answer opens a round of calls, their replies go back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from runfold.events.calls import Message, TranscriptEntry
from runfold.events.contents.content import Content
from runfold.events.run import DecisionRecord
from runfold.events.values import Plan
from runfold.processors.run.state.calls import ModelCall, OpenCall, RoundCall
from runfold.processors.run.state.consent import Grant
from runfold.processors.run.state.steps import FlowState
from runfold.processors.run.state.watch import Watch

GOAL = "goal"
"""The kind of what a run was asked for, which stays in every context."""


@dataclass(frozen=True)
class Transcript:
    """All that was said, in order, with a rolling digest over it.

    ``names`` holds the kind and the id of each message, as a ``ContextRef`` does.
    ``token_estimate`` counts what the model reads; ``weight`` is about the number of bytes that
    the messages take where they are carried whole.
    """

    messages: tuple[Message, ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    digest: bytes = bytes(32)
    token_estimate: int = 0
    weight: int = 0

    @property
    def entries(self) -> tuple[TranscriptEntry, ...]:
        """What was said as a selection reads it; the goal stays in every context."""
        return tuple(
            [
                TranscriptEntry(kind=kind, id=name, message=message, pinned=kind == GOAL)
                for (kind, name), message in zip(self.names, self.messages, strict=True)
            ]
        )


@dataclass(frozen=True)
class Selection:
    """The context that a context call chose for the coming model call, as a document."""

    content: Content
    digest: bytes


@dataclass(frozen=True)
class Last:
    """The last answer: whose it was, and what it decided."""

    answered_by: str | None = None
    decision: DecisionRecord | None = None


@dataclass(frozen=True)
class AgentLoop:
    """Where the loop stands: what was said, the calls that are open, what the last answer was.

    The model is shown the whole transcript, or the ``selection`` where one was made for this turn.
    ``instructions`` are a person's, in the place of the agent's. ``last`` is the
    last answer; ``repeats`` counts identical proposals; ``malformed`` counts unusable
    answers in a row; ``taint`` names the tools through which it has read what strangers wrote.
    ``watch`` is what the run's brakes remember, None where its agent has none. ``grants`` are the
    approvals that hold for other calls. ``flow`` is where the steps stand, where a graph decides
    and no model does.
    """

    instructions: Content | None = None
    transcript: Transcript = Transcript()
    selection: Selection | None = None
    calls: tuple[OpenCall, ...] = ()
    last: Last = Last()
    plan: Plan | None = None
    repeats: Mapping[bytes, int] = field(default_factory=lambda: MappingProxyType({}))
    malformed: int = 0
    taint: tuple[str, ...] = ()
    watch: Watch | None = None
    grants: tuple[Grant, ...] = ()
    flow: FlowState | None = None

    @property
    def answered_by(self) -> str | None:
        """The call whose answer was the last; a person's reply has a name too."""
        return self.last.answered_by

    @property
    def decision(self) -> DecisionRecord | None:
        """What the last answer decided."""
        return self.last.decision

    def call(self, call_id: str) -> OpenCall | None:
        """Return the open call with this id."""
        return next((call for call in self.calls if call.call_id == call_id), None)

    @property
    def round(self) -> tuple[RoundCall, ...]:
        """The calls that the last answer proposed; those that are closed stay until the next."""
        calls = self.calls
        if len(calls) == 1 and isinstance(calls[0], RoundCall):
            # Most rounds are of one call, and this is asked for at every fact.
            return (calls[0],)
        return tuple([call for call in calls if isinstance(call, RoundCall)]) if calls else ()

    @property
    def model_call(self) -> ModelCall | None:
        """The model call that is out, or held before its next attempt."""
        return next((call for call in self.calls if isinstance(call, ModelCall)), None)

    @property
    def shown(self) -> bytes:
        """The digest of what the model is shown."""
        return self.selection.digest if self.selection else self.transcript.digest
