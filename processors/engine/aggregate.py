"""What the engine needs to know of an aggregate: pure functions over immutable state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from runfold.events.base import Fact, Record
from runfold.events.definitions import Definitions
from runfold.events.values import Actor, Placement


class UnrecordedError(ValueError):
    """A decision whose first event records no input that could have caused it."""


class NewerReleaseError(ValueError):
    """Raised by ``evolve`` for what only a newer release can decide: it is left alone."""


@dataclass(frozen=True, slots=True)
class Timer:
    """A deadline in an aggregate's state; ``kind``, ``call_id`` and ``attempt`` name what is due.

    Where no call is due, ``call_id`` is whatever else tells deadlines of one kind apart.
    """

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
    """An input to decide: a decoded record or a due timer, and the trace context it came with.

    ``proof`` is what was found of its credential where it entered: an input like the rest, so that
    a decision can be made again without the keys.
    """

    body: Record | Timer
    traceparent: str | None = None
    proof: Record | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """Something to do after a fact, in this process or in a pool."""

    record: Record
    placement: Placement


@dataclass(frozen=True, slots=True)
class Send:
    """A message to the aggregate ``key`` whose inputs come on ``topic``, wherever that lives."""

    topic: str
    key: str
    record: Record


class NotKnownYetError(LookupError):
    """A decision needs a definition that is not known here: it may be published a moment ago."""


class State(Protocol):
    """What every state of an aggregate shows to the engine."""

    @property
    def status(self) -> object:
        """Where the aggregate stands; the engine copies it into the meta of its events."""
        ...

    @property
    def tenant_id(self) -> str:
        """Whose it is."""
        ...

    @property
    def traceparent(self) -> str:
        """The trace context that its events carry."""
        ...


S = TypeVar("S", bound=State)


class Conclude(Protocol[S]):
    """Decides a command once more, after its decision could not be written."""

    def __call__(
        self, state: S | None, command: Command, env: Env, error: str, *, last: bool
    ) -> Sequence[tuple[Fact, S]] | None:
        """Return the facts that follow, each with the state after it.

        ``error`` is the kind of what went wrong. With ``last`` a conclusion could not be written
        either, and the aggregate ends.
        """
        ...


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[S]):
    """How one kind of aggregate behaves; each function is pure, and total but for ``decide``.

    ``state`` is None before the first event. An exception out of ``decide`` or ``evolve`` is a bug:
    the engine sends the input to the dead letters and goes on.
    """

    decide: Callable[[S | None, Command, Env], Sequence[tuple[Fact, S]]]
    """What follows from a command, each fact with the state after it; nothing where the command
    changes nothing. The states are those that ``evolve`` leads to: a decider folds its own facts
    anyway, so the engine need not fold them again."""

    evolve: Callable[[S | None, Fact, datetime], S]
    """The state after a fact."""

    actor: Callable[[Fact, Command, S], Actor]
    """Who caused a fact."""

    dispatch: Callable[[Fact, S, Definitions], Sequence[Work]]
    """The work that follows from a fact, given the state right after it."""

    reopen: Callable[[S, Definitions], Sequence[Work]]
    """The local work that is out, to hand out again after a restart."""

    next_timer: Callable[[S], Timer | None]
    """The earliest deadline of the state."""

    conclude: Conclude[S] | None = None
    """What is on record of a command whose decision cannot be written; without it, or where it
    returns None, such a command is a dead letter."""
