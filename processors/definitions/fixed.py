"""The follower's in-memory twin: a rulebook that is given, not read."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.events.definitions import Definition
from runfold.events.rulebook import Rulebook
from runfold.processors.definitions.record import kind_of


def rulebook_of(definitions: Sequence[Definition]) -> Rulebook:
    """Return the rulebook that holds these definitions, published in this order."""
    rulebook = Rulebook()
    for offset, each in enumerate(definitions):
        rulebook = rulebook.plus(kind_of(each), each.body(), offset + 1)
    return rulebook


class FixedRulebook:
    """Answers everything with the rulebook it was given."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook

    def current(self) -> Rulebook:
        """Return the rulebook."""
        return self._rulebook

    def catch_up(self, timeout: float) -> Rulebook:  # noqa: ARG002 - the port's signature
        """Return the rulebook at once."""
        return self._rulebook

    def complete(self, timeout: float) -> Rulebook:  # noqa: ARG002 - the port's signature
        """Return the rulebook at once."""
        return self._rulebook

    def wait_ready(self, timeout: float) -> None:
        """Return at once."""
