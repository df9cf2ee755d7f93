"""What runs were asked for with, for listeners that want those of one agent or label."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from runfold.events.run import Event, RunCreated, RunRefused

_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Card:
    """A run's agent and labels."""

    agent: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Which:
    """Which runs: of one agent, with all of these labels; any where neither is said."""

    agent: str | None = None
    labels: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        """Whether any run is left out."""
        return self.agent is not None or bool(self.labels)

    def fits(self, card: Card | None) -> bool:
        """Return whether a run is wanted; one of which nothing is known is not."""
        return (
            card is not None
            and self.agent in {None, card.agent}
            and all(card.labels.get(key) == value for key, value in self.labels)
        )


Find = Callable[[str], Awaitable[Card | None]]
"""Finds what a run was asked for with, by its id."""


def card_of(event: Event) -> Card | None:
    """Return what a run's first event says; None for any other event."""
    if not isinstance(event.fact, RunCreated | RunRefused):
        return None
    asked = event.fact.request
    agent = event.fact.agent.name if isinstance(event.fact, RunCreated) else asked.agent
    return Card(agent, {label.key: label.value for label in asked.labels})


class Cards:
    """Cards of the last runs of one tenant's listener; a run's card never changes."""

    def __init__(self, find: Find, most: int = _MOST) -> None:
        self._find = find
        self._most = most
        self._known: OrderedDict[str, Card | None] = OrderedDict()

    def learn(self, event: Event) -> None:
        """Note what an event says of its run."""
        if (card := card_of(event)) is not None:
            self._keep(event.meta.run_id, card)

    async def of(self, run_id: str) -> Card | None:
        """Return a run's card, None where the log has none."""
        if run_id not in self._known:
            self._keep(run_id, await self._find(run_id))
        return self._known[run_id]

    def _keep(self, run_id: str, card: Card | None) -> None:
        self._known[run_id] = card
        if len(self._known) > self._most:
            self._known.popitem(last=False)
