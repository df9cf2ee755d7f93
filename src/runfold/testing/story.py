"""Given / When / Then for deciders: a history, a command, and the whole facts that must follow.

Story(definitions).given(*facts).when(command).then(*facts)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from difflib import ndiff
from typing import Self, TypeVar

from runfold.events.base import Fact, Record
from runfold.events.definitions import Definitions
from runfold.processors.engine.aggregate import Command, Env, Timer
from runfold.processors.run.decide import decide
from runfold.processors.run.evolve import evolve
from runfold.processors.run.state import Live, RunState

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
"""When stories begin, unless they are told when."""

F = TypeVar("F", bound=Fact)
S = TypeVar("S", bound="Story")


@dataclass(frozen=True)
class Story:
    """A run as it goes: every command is decided and folded, one second after the last.

    ``facts`` is everything that followed so far, ``said`` what the last command led to.
    """

    definitions: Definitions
    state: RunState | None = None
    now: datetime = START
    facts: tuple[Fact, ...] = ()
    said: tuple[Fact, ...] = field(default=())

    def given(self, *facts: Fact) -> Self:
        """Fold facts that happened before, all of them now."""
        state = self.state
        for fact in facts:
            state = evolve(state, fact, self.now)
        return replace(self, state=state, facts=(*self.facts, *facts), said=())

    def when(self, *bodies: Record | Timer) -> Self:
        """Decide commands one after another; ``said`` holds what the last one led to."""
        story = self
        for body in bodies:
            story = _decided(story.after(1), body)
        return story

    def then(self, *facts: Fact) -> Self:
        """Assert that exactly these facts followed from the last command, every field of them."""
        if self.said != facts:
            raise AssertionError(
                f"other facts followed (- expected, + decided):\n{self._to(facts)}"
            )
        return self

    def after(self, seconds: float) -> Self:
        """Let time pass."""
        return replace(self, now=self.now + timedelta(seconds=seconds))

    @property
    def run(self) -> Live:
        """The live run."""
        assert isinstance(self.state, Live)
        return self.state

    def names(self) -> list[str]:
        """Return the names of what the last command led to."""
        return [type(fact).__name__ for fact in self.said]

    def only(self, kind: type[F]) -> F:
        """Return the one fact of a kind that the last command led to."""
        found = [fact for fact in self.said if isinstance(fact, kind)]
        assert len(found) == 1, f"{kind.__name__} came {len(found)} times in {self.names()}"
        return found[0]

    def _to(self, expected: Sequence[Fact]) -> str:
        """Return the difference from the facts that were expected, a line a field."""
        lines = ndiff(_lines(expected), _lines(self.said))
        return "\n".join(line for line in lines if not line.startswith("?"))


def _decided(story: S, body: Record | Timer) -> S:
    said = tuple(decide(story.state, Command(body), Env(story.now, story.definitions)))
    state = story.state
    for fact in said:
        state = evolve(state, fact, story.now)
    return replace(story, state=state, facts=(*story.facts, *said), said=said)


def kinds(facts: Sequence[Fact]) -> list[str]:
    """Return the names of facts."""
    return [type(fact).__name__ for fact in facts]


def _lines(facts: Sequence[Fact]) -> list[str]:
    lines = []
    for fact in facts:
        lines.append(type(fact).__name__)
        lines += [f"  {name}: {value!r}" for name, value in fact]
    return lines
