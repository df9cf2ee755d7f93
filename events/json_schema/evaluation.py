"""One evaluation of one value: every step counted, every schema met once at each place.

A place of the value and a schema have one verdict, which is remembered: so no union and no
recursion makes the work grow beyond their product.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from runfold.events.json_schema.bounds import MAX_NESTED_VISITS, UncheckableError

MAX_FAULTS = 10
"""How many faults of a value are told."""

Place = tuple[str | int, ...]


class Fault(NamedTuple):
    """What does not fit, and where: a path such as ``$.steps[0].id``, and a clause."""

    place: str
    text: str
    keyword: str


@dataclass(slots=True)
class Verdict:
    """What a schema says of a place: faults, and which properties and items it has looked at."""

    faults: list[Fault] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    items: set[int] = field(default_factory=set)

    def fits(self) -> bool:
        """Whether there is no fault."""
        return not self.faults

    def note(self, place: Place, keyword: str, text: str) -> None:
        """Add a fault, unless enough are known."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(path(place), text, keyword))

    def take(self, other: Verdict) -> None:
        """Add what another schema says of the same place."""
        self.blame(other)
        self.saw(other)

    def blame(self, other: Verdict) -> None:
        """Add the faults of a place within, or of another schema."""
        self.faults += other.faults[: MAX_FAULTS - len(self.faults)]

    def saw(self, other: Verdict) -> None:
        """Add what another schema has looked at, unless the value does not fit it."""
        if other.fits():
            self.names |= other.names
            self.items |= other.items


class Evaluation:
    """Evaluates schemas within ``root`` by ``rules``, which are applied in their order."""

    def __init__(self, root: Any, rules: Mapping[str, Rule], steps: int, *, formats: bool) -> None:
        self.root = root
        self.formats = formats
        self._rules = rules
        self._left = steps
        self._open = 0
        self._known: dict[tuple[int, Place], Verdict] = {}

    def spend(self, steps: int) -> None:
        """Count steps; raises UncheckableError where none are left."""
        self._left -= steps
        if self._left < 0:
            raise UncheckableError("checking them takes more steps than are allowed")

    def of(self, schema: Any, value: Any, place: Place) -> Verdict:
        """Return what a schema says of the value at a place."""
        key = (id(schema), place)
        known = self._known.get(key)
        if known is not None:
            return known
        self.spend(1)
        verdict = Verdict()
        if schema is False:
            verdict.note(place, "false", "nothing is allowed here")
        elif schema is not True:
            self._open += 1
            if self._open > MAX_NESTED_VISITS:
                raise UncheckableError("schema and value are nested too deeply")
            for name, rule in self._rules.items():
                if name in schema:
                    self.spend(1)
                    rule(self, schema, value, place, verdict)
            self._open -= 1
        self._known[key] = verdict
        return verdict


Rule = Callable[[Evaluation, Mapping[str, Any], Any, Place, Verdict], None]
"""Adds to a verdict what one keyword of a schema says of a value."""


def path(place: Place) -> str:
    """Return a place as ``$.steps[0].id``; the name of a property counts as its place."""
    parts = (
        f".{each[:60]}" if isinstance(each, str) else f"[{each}]" for each in place if each != NAME
    )
    return "$" + "".join(parts)


NAME = -1
"""Stands in a place before the name of a property that is itself judged."""
