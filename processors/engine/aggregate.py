"""What the engine needs to know of an aggregate: pure functions over immutable state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from runfold.events.base import Fact, Record
from runfold.events.definitions import Definitions
from runfold.events.values import Actor, Placement, RunStatus


@dataclass(frozen=True, slots=True)
class Timer:
    """A deadline in a run's state; ``kind``, ``call_id`` and ``attempt`` name what is due."""

    due: datetime
    kind: str
    call_id: str
    attempt: int = 0

    @property
    def cause(self) -> str:
        """The cause that the events of a due timer carry."""
        return f"timer/{self.kind}/{self.call_id}/{self.attempt}"


@dataclass(frozen=True, slots=True)
class Env:
    """All that may influence a decision besides state and command."""

    now: datetime
    definitions: Definitions


@dataclass(frozen=True, slots=True)
class Command:
    """An input to decide: a decoded record or a due timer, and the trace context it came with."""

    body: Record | Timer
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """Something to do after a fact: a model or tool call, here or in a pool."""

    record: Record
    placement: Placement


class State(Protocol):
    """What every state of an aggregate shows to the engine."""

    @property
    def status(self) -> RunStatus:
        """Where the run stands."""
        ...

    @property
    def tenant_id(self) -> str:
        """Whose run it is."""
        ...

    @property
    def traceparent(self) -> str:
        """The trace context that its events carry."""
        ...


S = TypeVar("S", bound=State)


class Aggregate(Protocol[S]):
    """A run, seen by the engine; every function is pure and total but ``decide``, which may raise.

    ``state`` is None before the first event. An exception out of ``decide`` or ``evolve`` is a bug:
    the engine sends the input to the dead letters and goes on.
    """

    def screen(self, record: Record, key: str, appended_at: datetime) -> str | None:
        """Return why an input may not be decided at all (``code: reason``), or None if it may."""
        ...

    def starts(self, record: Record) -> bool:
        """Whether the record is a request, which alone may begin a run."""
        ...

    def decide(self, state: S | None, command: Command, env: Env) -> Sequence[tuple[Fact, S]]:
        """Return what follows from a command, each fact with the state after it.

        Nothing follows from a command that changes nothing. The states are those that ``evolve``
        leads to; a decider folds its own facts anyway, so the engine need not fold them again.
        """
        ...

    def evolve(self, state: S | None, fact: Fact, at: datetime) -> S:
        """Return the state after a fact."""
        ...

    def actor(self, fact: Fact, command: Command, state: S) -> Actor:
        """Return who caused a fact."""
        ...

    def dispatch(self, fact: Fact, state: S, definitions: Definitions) -> Sequence[Work]:
        """Return the work that follows from a fact, given the state right after it."""
        ...

    def reopen(self, state: S, definitions: Definitions) -> Sequence[Work]:
        """Return the local work that is out, to hand out again after a restart."""
        ...

    def next_timer(self, state: S) -> Timer | None:
        """Return the earliest deadline of the state."""
        ...
