"""Decisions made again from the journal alone: what was asked, and whether the same follows.

The first event of every decision records the input that caused it, so the command can be put
together again and decided with the state, the time and the definitions of that moment, by the
behaviour that the run began with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.definitions import Definitions
from runfold.events.run import Event
from runfold.processors.engine.aggregate import Env
from runfold.processors.run.behaviour import CURRENT, known
from runfold.processors.run.decide import concluded, decide
from runfold.processors.run.evolve import evolve
from runfold.processors.run.replay.commands import command_of
from runfold.processors.run.replay.undecided import concluded_of, undecided_by
from runfold.processors.run.state import RunState

Decision = tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where a decision made again is not what the journal says."""

    seq: int
    recorded: Fact | None
    decided: Fact | None

    def __str__(self) -> str:
        """Return the difference as one sentence."""
        return f"event {self.seq} is {_named(self.recorded)}, decided again it is {self._again()}"

    def _again(self) -> str:
        if self.recorded is None or self.decided is None or self._kinds_differ():
            return _named(self.decided)
        pairs = zip(self.recorded, self.decided, strict=True)
        fields = [name for (name, said), (_, again) in pairs if said != again]
        return f"one with another {', '.join(fields)}"

    def _kinds_differ(self) -> bool:
        return type(self.recorded) is not type(self.decided)


def decisions(history: Iterable[Event]) -> Iterator[Decision]:
    """Yield a run's events grouped by the input that caused them, in order."""
    for _, events in groupby(history, key=lambda event: event.meta.cause):
        yield tuple(events)


def definitions_position(decision: Sequence[Event], begun_at: int | None = None) -> int | None:
    """Return the position of the definitions that a decision was made with.

    Decisions of older releases do not name it: they were made with those that the run began with,
    which ``begun_at`` says.
    """
    meta, fact = decision[0].meta, decision[0].fact
    if meta.definitions is not None:
        return meta.definitions
    return fact.rulebook if isinstance(fact, j.RunCreated | j.RunRefused) else begun_at


def fold(state: RunState | None, decision: Decision) -> RunState | None:
    """Return the state after the events of a decision."""
    for event in decision:
        state = evolve(state, event.fact, event.meta.time)
    return state


def redecide(
    state: RunState | None, decision: Decision, definitions: Definitions
) -> Difference | None:
    """Decide again what a decision's first event was caused by; None where all facts are equal.

    ``definitions`` are those of the decision's own position. Raises UnrecordedError where the
    journal does not tell what was asked, BehaviourError for a run of a newer release.
    """
    first = decision[0]
    env = Env(first.meta.time, definitions)
    begins_with = _begins_with(first.fact)
    recorded = [event.fact for event in decision]
    decided = _decided(state, decision, env, begins_with)
    for place in range(max(len(decided), len(recorded))):
        said = recorded[place] if place < len(recorded) else None
        again = decided[place] if place < len(decided) else None
        if said != again:
            return Difference(first.meta.seq + place, said, again)
    return None


def _decided(state: RunState | None, decision: Decision, env: Env, begins_with: int) -> list[Fact]:
    error, first = undecided_by(decision), decision[0].fact
    # What prices were known is on record, as far as it was asked.
    unpriced = isinstance(first, j.RunCreated) and first.unpriced
    stands_for = {
        event.fact.model: event.fact.stands_for
        for event in decision
        if isinstance(event.fact, j.ModelResolved)
    }
    again = partial(
        decide,
        is_priced=lambda _name: not unpriced,
        resolve=lambda name: stands_for.get(name, name),
    )
    if error is None:
        return again(state, command_of(state, decision), env, begins_with)
    # What was asked is on record only as far as its conclusion needs it.
    command = concluded_of(state, decision)
    conclusion = [fact for fact, _ in concluded(state, command, env, begins_with, error)]
    recorded = [event.fact for event in decision]
    if conclusion == recorded:
        return conclusion
    # A tool may report the very words of a conclusion: then it was decided as any other result.
    try:
        plainly = again(state, command_of(state, decision), env, begins_with)
    except Exception:  # noqa: BLE001 - whatever it is, the conclusion is what is compared
        return conclusion
    return plainly if plainly == recorded else conclusion


def _begins_with(fact: Fact) -> int:
    if isinstance(fact, j.RunCreated | j.RunRefused):
        return known(fact.behaviour)
    return CURRENT


def _named(fact: Fact | None) -> str:
    return type(fact).__name__ if fact is not None else "nothing"
