"""Leave to make one call, held from before the call is permitted until it has ended."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Self

from runfold.processors.effects.breaker import Breaker
from runfold.processors.effects.holds import CannotBeginError


def left_alone(name: str) -> str:
    """Return why a call cannot begin whose breaker is open."""
    return f"{name} failed several times in a row and is left alone for a while"


@dataclass(frozen=True, slots=True)
class Guard:
    """A breaker that a call has to pass; ``name`` is of what it guards, for people.

    ``who`` is who calls, where several share the breaker.
    """

    breaker: Breaker
    name: str
    who: Hashable = ""


class Admission:
    """Leave for one call, used as a context manager; raises CannotBeginError while there is none.

    ``guards`` are all that the call has to pass, the widest first: where a server is left alone,
    that its tool failed as well says nothing new of the tool. Who does not say what came of the
    call has said nothing of its health.
    """

    def __init__(self, guards: Sequence[Guard], trial_s: float, code: str = "circuit_open") -> None:
        for guard in guards:
            if (pause := guard.breaker.look(guard.who)) is not None:
                raise CannotBeginError(code, left_alone(guard.name), pause)
        # Whether the call is the one that tries: others may be out that began before.
        self._guards = [(guard, guard.breaker.is_open) for guard in guards]
        for guard in guards:
            guard.breaker.admit(trial_s, guard.who)
        self._over = False

    def __enter__(self) -> Self:
        """Return the leave."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        if not self._over:
            self._over = True
            self._abandon(self._guards)

    def succeeded(self) -> None:
        """Record that it answered."""
        self._over = True
        for guard, _ in self._guards:
            guard.breaker.succeeded()

    def failed(self) -> None:
        """Record that it did not."""
        self._over = True
        for place, (guard, is_trial) in enumerate(self._guards, start=1):
            if is_trial or not guard.breaker.is_open:
                guard.breaker.failed(guard.who)
            if guard.breaker.is_open:
                self._abandon(self._guards[place:])
                return

    def _abandon(self, guards: Sequence[tuple[Guard, bool]]) -> None:
        for guard, is_trial in guards:
            if is_trial:
                guard.breaker.abandoned()
