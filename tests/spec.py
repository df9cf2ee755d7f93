"""Given / When / Then for deciders: a history, a command, the facts that must follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from runfold.events.base import Fact, Record
from runfold.events.definitions import Definitions
from runfold.processors.engine.aggregate import Command, Env, Timer
from runfold.processors.run.decide import decide
from runfold.processors.run.evolve import evolve
from runfold.processors.run.state import Live, RunState

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
F = TypeVar("F", bound=Fact)


@dataclass(frozen=True)
class Story:
    """A run as it goes: every command is decided and folded, one second after the last."""

    definitions: Definitions
    state: RunState | None = None
    now: datetime = START
    facts: tuple[Fact, ...] = ()
    said: tuple[Fact, ...] = field(default=())

    def when(self, *bodies: Record | Timer) -> Story:
        """Decide commands one after another; ``said`` holds what the last one led to."""
        story = self
        for body in bodies:
            story = story.after(1)._decide(body)
        return story

    def after(self, seconds: float) -> Story:
        """Let time pass."""
        return replace(self, now=self.now + timedelta(seconds=seconds))

    def _decide(self, body: Record | Timer) -> Story:
        said = tuple(decide(self.state, Command(body), Env(self.now, self.definitions)))
        state = self.state
        for fact in said:
            state = evolve(state, fact, self.now)
        return replace(self, state=state, facts=(*self.facts, *said), said=said)

    @property
    def run(self) -> Live:
        """The live run."""
        assert isinstance(self.state, Live)
        return self.state

    def names(self) -> list[str]:
        """The names of what the last command led to."""
        return [type(fact).__name__ for fact in self.said]

    def only(self, kind: type[F]) -> F:
        """The one fact of a kind that the last command led to."""
        found = [fact for fact in self.said if isinstance(fact, kind)]
        assert len(found) == 1, f"{kind.__name__} came {len(found)} times in {self.names()}"
        return found[0]


def kinds(facts: Sequence[Fact]) -> list[str]:
    """The names of facts."""
    return [type(fact).__name__ for fact in facts]
