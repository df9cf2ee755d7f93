"""The follower's in-memory twin: definitions that are given, not read."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.events.definitions import Definition, Definitions
from runfold.processors.definitions.record import kind_of


def definitions_of(definitions: Sequence[Definition]) -> Definitions:
    """Return the snapshot that holds these definitions, published in this order."""
    snapshot = Definitions()
    for offset, each in enumerate(definitions):
        snapshot = snapshot.plus(kind_of(each), each.body(), offset + 1)
    return snapshot


class FixedDefinitions:
    """Answers everything with the definitions that it was given."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    def current(self) -> Definitions:
        """Return the definitions."""
        return self._definitions

    def catch_up(self, timeout: float) -> Definitions:  # noqa: ARG002 - the port's signature
        """Return the definitions at once."""
        return self._definitions

    def complete(self, timeout: float) -> Definitions:  # noqa: ARG002 - the port's signature
        """Return the definitions at once."""
        return self._definitions

    def wait_ready(self, timeout: float) -> None:
        """Return at once."""
